#version 450
#extension GL_GOOGLE_include_directive : require
// half[t] = f16(x[first+t] * 2^e), as half_rows.glsl says. A workgroup converts a token.
#include "lanes.glsl"
#include "half_rows.glsl"

layout(set = 0, binding = 0, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Half { uint half_pairs[]; };

layout(push_constant) uniform Push {
    uint cols;
    uint tokens;
    uint first;  // token of x
    uint octets; // 1: in that order
} push;

shared uint largest[LANES];

void main() {
    uint lane = gl_LocalInvocationID.x, token = gl_WorkGroupID.x;
    uint row = (push.first + token) * push.cols;
    uint most = 0u; // as bits, whose order is that of the sizes
    for (uint c = lane; c < push.cols; c += LANES) most = max(most, floatBitsToUint(x[row + c]) & 0x7fffffffu);
    largest[lane] = most;
    barrier();
    for (uint half_lanes = LANES / 2u; half_lanes > 0u; half_lanes /= 2u) {
        if (lane < half_lanes) largest[lane] = max(largest[lane], largest[lane + half_lanes]);
        barrier();
    }
    most = largest[0];
    float scale = half_scale(half_exponent(most));
    uint pairs = half_words(push.cols);
    bool octets = push.octets != 0u;
    for (uint i = lane; i < pairs; i += LANES) {
        uvec2 c = half_columns(i, octets);
        float a = c.x < push.cols ? x[row + c.x] : 0.0;
        float b = c.y < push.cols ? x[row + c.y] : 0.0;
        half_pairs[half_at(token, pairs, i, octets)] = half_bits(a * scale) | half_bits(b * scale) << 16;
    }
    if (lane == 0u) half_pairs[half_factor_at(token, push.tokens, pairs, octets)] = half_factor(most);
}
