#version 450
#extension GL_GOOGLE_include_directive : require
// y[r] = x[first+r] / sqrt(mean(x[first+r]^2) + eps) * weight; or, folded, x[first+r] *
// weight and the sums of the squares over tiles of 32 columns (norm.glsl). One workgroup a row.
// Root Mean Square Layer Normalization, https://arxiv.org/abs/1910.07467, eq. 4.
#include "lanes.glsl"

layout(set = 0, binding = 0, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 1, std430) readonly buffer Weight { float weight[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 3, std430) writeonly buffer Squares { float squares[]; };

layout(push_constant) uniform Push {
    uint dim;
    uint first;
    float eps;
    uint folded;
} push;

shared float partial[LANES];

void main() {
    uint row = group_index();
    uint lane = gl_LocalInvocationID.x;
    uint base = (push.first + row) * push.dim, tiles = (push.dim + 31u) / 32u;
    float sum = 0.0;
    for (uint tile = lane; tile < tiles; tile += LANES) {
        float of_tile = 0.0;
        for (uint i = tile * 32u; i < min(push.dim, (tile + 1u) * 32u); i++) of_tile += x[base + i] * x[base + i];
        if (push.folded != 0u) squares[row * tiles + tile] = of_tile;
        sum += of_tile;
    }
    partial[lane] = sum;
    barrier();
    for (uint half_lanes = LANES / 2u; half_lanes > 0u; half_lanes /= 2u) {
        if (lane < half_lanes) partial[lane] += partial[lane + half_lanes];
        barrier();
    }
    float scale = push.folded != 0u ? 1.0 : 1.0 / sqrt(partial[0] / float(push.dim) + push.eps);
    for (uint i = lane; i < push.dim; i += LANES)
        y[row * push.dim + i] = x[base + i] * scale * weight[i];
}
