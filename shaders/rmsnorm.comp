#version 450
#extension GL_GOOGLE_include_directive : require
// y[r] = x[first+r] / sqrt(mean(x[first+r]^2) + eps) * weight. One workgroup a row.
// Root Mean Square Layer Normalization, https://arxiv.org/abs/1910.07467, eq. 4.
#include "lanes.glsl"

layout(set = 0, binding = 0, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 1, std430) readonly buffer Weight { float weight[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Y { float y[]; };

layout(push_constant) uniform Push {
    uint dim;
    uint first;
    float eps;
} push;

shared float partial[LANES];

void main() {
    uint row = group_index();
    uint lane = gl_LocalInvocationID.x;
    uint base = (push.first + row) * push.dim;
    float sum = 0.0;
    for (uint i = lane; i < push.dim; i += LANES) sum += x[base + i] * x[base + i];
    partial[lane] = sum;
    barrier();
    for (uint half_lanes = LANES / 2u; half_lanes > 0u; half_lanes /= 2u) {
        if (lane < half_lanes) partial[lane] += partial[lane + half_lanes];
        barrier();
    }
    float scale = 1.0 / sqrt(partial[0] / float(push.dim) + push.eps);
    for (uint i = lane; i < push.dim; i += LANES)
        y[row * push.dim + i] = x[base + i] * scale * weight[i];
}
