#version 450
#extension GL_GOOGLE_include_directive : require
// half[t] = f16(2^e * norm(x[first+t])), rmsnorm.comp and to_half.comp in one: half_rows.glsl
// says what is stored. A workgroup takes a token, and reads it three times rather than keep it:
// the second and third time it comes from a cache.
#include "lanes.glsl"
#include "half_rows.glsl"

layout(set = 0, binding = 0, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 1, std430) readonly buffer Weight { float weight[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Half { uint half_pairs[]; };

layout(push_constant) uniform Push {
    uint dim;
    uint tokens;
    uint first;  // token of x
    float eps;
    uint octets; // 1: in that order
} push;

shared float partial[LANES];
shared uint largest[LANES];

void main() {
    uint lane = gl_LocalInvocationID.x, token = gl_WorkGroupID.x;
    uint row = (push.first + token) * push.dim, tiles = (push.dim + 31u) / 32u;
    float sum = 0.0; // in the order of rmsnorm.comp: the same bits
    for (uint tile = lane; tile < tiles; tile += LANES) {
        float of_tile = 0.0;
        for (uint i = tile * 32u; i < min(push.dim, (tile + 1u) * 32u); i++) of_tile += x[row + i] * x[row + i];
        sum += of_tile;
    }
    partial[lane] = sum;
    barrier();
    for (uint half_lanes = LANES / 2u; half_lanes > 0u; half_lanes /= 2u) {
        if (lane < half_lanes) partial[lane] += partial[lane + half_lanes];
        barrier();
    }
    float norm = 1.0 / sqrt(partial[0] / float(push.dim) + push.eps);
    uint most = 0u; // as bits, whose order is that of the sizes
    for (uint i = lane; i < push.dim; i += LANES)
        most = max(most, floatBitsToUint(x[row + i] * norm * weight[i]) & 0x7fffffffu);
    largest[lane] = most;
    barrier();
    for (uint half_lanes = LANES / 2u; half_lanes > 0u; half_lanes /= 2u) {
        if (lane < half_lanes) largest[lane] = max(largest[lane], largest[lane + half_lanes]);
        barrier();
    }
    most = largest[0];
    float scale = half_scale(half_exponent(most));
    uint pairs = half_words(push.dim);
    bool octets = push.octets != 0u;
    for (uint i = lane; i < pairs; i += LANES) {
        uvec2 c = half_columns(i, octets);
        float a = c.x < push.dim ? x[row + c.x] * norm * weight[c.x] : 0.0;
        float b = c.y < push.dim ? x[row + c.y] * norm * weight[c.y] : 0.0;
        half_pairs[half_at(token, pairs, i, octets)] = half_bits(a * scale) | half_bits(b * scale) << 16;
    }
    if (lane == 0u) half_pairs[half_factor_at(token, push.tokens, pairs, octets)] = half_factor(most);
}
