#version 450
#extension GL_GOOGLE_include_directive : require
#define FLOAT float
#include "coopmat.glsl"
