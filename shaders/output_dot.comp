#version 450
#extension GL_GOOGLE_include_directive : require
#define INT_DOT // x is as quantize.glsl writes it
#include "output.glsl"
