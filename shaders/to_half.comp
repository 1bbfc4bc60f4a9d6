#version 450
#extension GL_GOOGLE_include_directive : require
// half[t] = f16(x[first+t] * 2^e): rows of whole 8 values, padded with zeros, and behind
// all of them a factor a token, 2^-e. The largest value of a token gets into
// 2^14 .. 2^15: what f16 cannot hold is then less than 2^-28 of it. A workgroup
// converts a token; one with an infinity or a NaN has the factor NaN.
#include "lanes.glsl"

layout(set = 0, binding = 0, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Half { uint half_pairs[]; };

layout(push_constant) uniform Push {
    uint cols;
    uint tokens;
    uint first; // token of x
} push;

shared uint largest[LANES];

// Rounds to nearest, ties to even, below 2^16; in integers, since drivers may round as they please.
uint half_bits(float v) {
    uint u = floatBitsToUint(v), sign = (u >> 16) & 0x8000u;
    u &= 0x7fffffffu;
    if (u < 0x38800000u) return sign | (floatBitsToUint(uintBitsToFloat(u) + 0.5) - 0x3f000000u);
    return sign | ((u + 0xfffu + ((u >> 13) & 1u)) >> 13) - (112u << 10);
}

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
    // Exponents are biased by 127. Those below 15 would take 2^e beyond f32.
    uint exponent = most == 0u ? 141u : max(most >> 23, 15u);
    float scale = uintBitsToFloat((268u - exponent) << 23);
    uint pairs = (push.cols + 7u) / 8u * 4u;
    for (uint i = lane; i < pairs; i += LANES) {
        float a = 2u * i < push.cols ? x[row + 2u * i] : 0.0;
        float b = 2u * i + 1u < push.cols ? x[row + 2u * i + 1u] : 0.0;
        half_pairs[token * pairs + i] = half_bits(a * scale) | half_bits(b * scale) << 16;
    }
    if (lane == 0u) half_pairs[push.tokens * pairs + token] = most < 0x7f800000u ? (exponent - 14u) << 23 : 0x7fc00000u;
}
