#version 450
#extension GL_GOOGLE_include_directive : require
#define QUAD // shares loads of x among four lanes
#include "output.glsl"
