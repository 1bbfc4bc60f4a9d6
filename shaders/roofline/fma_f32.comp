#version 450
#extension GL_GOOGLE_include_directive : require
#define VEC vec4
#include "chains.glsl"
