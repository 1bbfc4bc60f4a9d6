#version 450
#extension GL_GOOGLE_include_directive : require
// y[t][row0+r] (+)= sum over k of W[r][k] * x[first+t][k], W dequantized on the fly.
// A workgroup computes ROWS rows for TOKENS tokens; TOKENS = 1 is the mat-vec of
// decode. Its lanes share the columns: a GPU's take one pair at a time, so that
// neighbours read neighbouring words; where loads are dear (CPUs, which gather
// lane by lane) each takes SPAN pairs and decodes their scales once. The order of
// summation never depends on the other rows or tokens.
#include "lanes.glsl"
#include "weights.glsl"

layout(constant_id = 2) const uint ROWS = 4;
layout(constant_id = 3) const uint TOKENS = 1;
layout(constant_id = 4) const uint ADD = 0; // 1: add to y (residual)
layout(constant_id = 5) const uint SPAN = 1; // pairs that a lane takes together, at most; a power of two

layout(set = 0, binding = 1, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 1, std430) readonly buffer X4 { vec4 x4[]; };
layout(set = 0, binding = 2, std430) buffer Y { float y[]; };

layout(push_constant) uniform Push {
    uint rows;
    uint cols;
    uint row_words;
    uint scales;
    uint row0;     // first row of this part in y
    uint stride;   // of a token in y
    uint tokens;
    uint first;    // first token in x
} push;

shared float partial[ROWS * TOKENS * LANES];

vec4 load_x(uint token, uint c) {
    uint base = token * push.cols;
    if (!is_float_type()) return x4[(base + c) / 4u];
    vec4 v = vec4(0.0); // the last unit of a float row may be ragged
    if (c < push.cols) v.x = x[base + c];
    if (c + 1u < push.cols) v.y = x[base + c + 1u];
    if (c + 2u < push.cols) v.z = x[base + c + 2u];
    if (c + 3u < push.cols) v.w = x[base + c + 3u];
    return v;
}

void main() {
    uint lane = gl_LocalInvocationID.x;
    uint row = group_index() * ROWS;
    if (row >= push.rows) return;
    uint token = gl_WorkGroupID.z * TOKENS;
    Matrix m = Matrix(push.rows, push.cols, push.row_words, push.scales);

    float acc[ROWS * TOKENS];
    for (uint i = 0u; i < ROWS * TOKENS; i++) acc[i] = 0.0;

    uint span = min(SPAN, unit_pairs()), spans = unit_pairs() / span;
    uint items = unit_count(push.cols) * spans;
    for (uint item = lane; item < items; item += LANES) {
        uint u = item / spans;
        vec4 scales[ROWS];
        for (uint r = 0u; r < ROWS; r++) scales[r] = unit_scales(m, min(row + r, push.rows - 1u), u);
        for (uint n = 0u; n < span; n++) {
            uint p = (item % spans) * span + n;
            uvec2 c = pair_columns(u, p);
            if (SPAN == 1u && TOKENS > 1u) { // all rows' weights need fewer registers than all tokens' x
                vec4 a[ROWS], b[ROWS];
                for (uint r = 0u; r < ROWS; r++)
                    pair_load(m, min(row + r, push.rows - 1u), u, p, scales[r], a[r], b[r]);
                for (uint t = 0u; t < TOKENS; t++) {
                    uint source = push.first + min(token + t, push.tokens - 1u);
                    vec4 xa = load_x(source, c.x), xb = load_x(source, c.y);
                    for (uint r = 0u; r < ROWS; r++)
                        acc[r * TOKENS + t] += dot(a[r], xa) + dot(b[r], xb);
                }
                continue;
            }
            vec4 xa[TOKENS], xb[TOKENS];
            for (uint t = 0u; t < TOKENS; t++) {
                uint source = push.first + min(token + t, push.tokens - 1u);
                xa[t] = load_x(source, c.x);
                xb[t] = load_x(source, c.y);
            }
            for (uint r = 0u; r < ROWS; r++) {
                vec4 a, b;
                pair_load(m, min(row + r, push.rows - 1u), u, p, scales[r], a, b);
                for (uint t = 0u; t < TOKENS; t++)
                    acc[r * TOKENS + t] += dot(a, xa[t]) + dot(b, xb[t]);
            }
        }
    }

    for (uint i = 0u; i < ROWS * TOKENS; i++) partial[i * LANES + lane] = acc[i];
    barrier();
    for (uint half_lanes = LANES / 2u; half_lanes > 0u; half_lanes /= 2u) {
        if (lane < half_lanes)
            for (uint i = 0u; i < ROWS * TOKENS; i++)
                partial[i * LANES + lane] += partial[i * LANES + lane + half_lanes];
        barrier();
    }
    for (uint i = lane; i < ROWS * TOKENS; i += LANES) {
        uint r = row + i / TOKENS, t = token + i % TOKENS;
        if (r >= push.rows || t >= push.tokens) continue;
        uint at = t * push.stride + push.row0 + r;
        y[at] = ADD != 0u ? y[at] + partial[i * LANES] : partial[i * LANES];
    }
}
