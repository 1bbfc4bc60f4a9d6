#version 450
#extension GL_GOOGLE_include_directive : require
#include "ffn_gate_up.glsl"
