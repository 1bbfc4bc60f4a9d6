#version 450
#extension GL_GOOGLE_include_directive : require
#define FLOAT float16_t
#include "coopmat.glsl"
