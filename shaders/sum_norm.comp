#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// x[first+t] += the sums of a product's splits, in their order; and the RMSNorm of x, as its readers take it:
// in f32; as f16, half_rows.glsl says how; or folded (norm.glsl), times the weights alone, and the sums of the
// squares over tiles of 32 columns. One workgroup a token, which reads it once and keeps it in shared memory where
// that has room.
// Root Mean Square Layer Normalization, https://arxiv.org/abs/1910.07467, eq. 4.
#include "lanes.glsl"
#include "half_rows.glsl"

layout(constant_id = 1) const uint DIM = 3072;
layout(constant_id = 2) const uint SPLITS = 8; // 0: x is as it was
layout(constant_id = 3) const uint FORM = 0;
layout(constant_id = 4) const uint KEEP = 1; // in shared memory

// How a norm is written: normForm.
const uint FORM_F32 = 0u, FORM_HALVES = 1u, FORM_FOLDED = 2u;

layout(set = 0, binding = 0, std430) coherent buffer X { float x[]; };
layout(set = 0, binding = 0, std430) coherent buffer X4 { vec4 x4[]; };
layout(set = 0, binding = 1, std430) readonly buffer Weight { float weight[]; };
layout(set = 0, binding = 1, std430) readonly buffer Weight4 { vec4 weight4[]; };
layout(set = 0, binding = 2, std430) readonly buffer Partial { float partial[]; };
layout(set = 0, binding = 2, std430) readonly buffer Partial4 { vec4 partial4[]; };
layout(set = 0, binding = 3, std430) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 3, std430) writeonly buffer Y4 { vec4 y4[]; };
layout(set = 0, binding = 3, std430) writeonly buffer YWords { uint y_words[]; };
layout(set = 0, binding = 3, std430) writeonly buffer YUnits { uvec4 y_units[]; };
layout(set = 0, binding = 4, std430) writeonly buffer Squares { float squares[]; };
layout(set = 0, binding = 5, std430) writeonly buffer Most { uint most[]; };

// NoMost is for a Most of which nothing is to be cleared.
// export
const uint NO_MOST = 0xffffffffu;

layout(push_constant) uniform Push {
    uint tokens;
    uint first;  // token of x
    float eps;
    uint octets; // 1: halves in that order
    uint most;   // word of Most at which the tokens' largest values begin that others are going to write; or NO_MOST
} push;

const uint TILES = (DIM + 31u) / 32u, QUADS = (DIM + 3u) / 4u, UNITS = (DIM + 7u) / 8u;
const bool WHOLE = DIM % 4u == 0u; // rows begin at 16 bytes
// A tile's lines are 33 apart, so that lanes that read one each, or quads, find different banks.
shared float kept[KEEP != 0u ? TILES * 33u : 1u];
shared float tile_sums[LANES];
shared uint largest[LANES];

uint lane() { return gl_LocalInvocationID.x; }
uint token() { return gl_WorkGroupID.x; }
uint row() { return push.first + token(); }
uint kept_at(uint c) { return c + c / 32u; }

float value(uint c) { return KEEP != 0u ? kept[kept_at(c)] : x[row() * DIM + c]; }

void add_splits() {
    for (uint q = lane(); q < QUADS; q += LANES) {
        vec4 v = vec4(0.0);
        uint c = 4u * q, at = row() * DIM + c;
        if (WHOLE) {
            [[unroll]] for (uint s = 0u; s < SPLITS; s++) v += partial4[(s * push.tokens + token()) * QUADS + q];
            vec4 old = x4[row() * QUADS + q];
            v = SPLITS == 0u ? old : old + v;
            if (SPLITS != 0u) x4[row() * QUADS + q] = v;
        } else {
            [[unroll]] for (uint i = 0u; i < 4u; i++) {
                if (c + i < DIM) {
                    for (uint s = 0u; s < SPLITS; s++) v[i] += partial[(s * push.tokens + token()) * DIM + c + i];
                    v[i] = SPLITS == 0u ? x[at + i] : x[at + i] + v[i];
                    if (SPLITS != 0u) x[at + i] = v[i];
                }
            }
        }
        if (KEEP != 0u) {
            [[unroll]] for (uint i = 0u; i < 4u; i++)
                if (WHOLE || c + i < DIM) kept[kept_at(c + i)] = v[i];
        }
    }
    memoryBarrierBuffer(); // for lanes that read x again
    barrier();
}

// The mean's sum, in the order of tiles and lanes that the folded norm has. Gives the norm's scale.
float norm_scale() {
    float sum = 0.0;
    for (uint tile = lane(); tile < TILES; tile += LANES) {
        float of_tile = 0.0;
        for (uint c = tile * 32u; c < min(DIM, (tile + 1u) * 32u); c++) of_tile += value(c) * value(c);
        if (FORM == FORM_FOLDED) squares[token() * TILES + tile] = of_tile;
        sum += of_tile;
    }
    if (FORM == FORM_FOLDED) return 1.0;
    tile_sums[lane()] = sum;
    barrier();
    for (uint half_lanes = LANES / 2u; half_lanes > 0u; half_lanes /= 2u) {
        if (lane() < half_lanes) tile_sums[lane()] += tile_sums[lane() + half_lanes];
        barrier();
    }
    return 1.0 / sqrt(tile_sums[0] / float(DIM) + push.eps);
}

void write_floats(float scale) {
    for (uint q = lane(); q < QUADS; q += LANES) {
        uint c = 4u * q;
        if (WHOLE) {
            y4[token() * QUADS + q] = vec4(value(c), value(c + 1u), value(c + 2u), value(c + 3u)) * scale * weight4[q];
        } else {
            for (uint i = c; i < min(c + 4u, DIM); i++) y[token() * DIM + i] = value(i) * scale * weight[i];
        }
    }
}

float normed(uint c, float scale) { return c < DIM ? value(c) * scale * weight[c] : 0.0; }

void write_halves(float scale) {
    uint found = 0u; // as bits, whose order is that of the sizes
    for (uint unit = lane(); unit < UNITS; unit += LANES) {
        [[unroll]] for (uint i = 0u; i < 8u; i++) found = max(found, floatBitsToUint(normed(8u * unit + i, scale)) & 0x7fffffffu);
    }
    largest[lane()] = found;
    barrier();
    for (uint half_lanes = LANES / 2u; half_lanes > 0u; half_lanes /= 2u) {
        if (lane() < half_lanes) largest[lane()] = max(largest[lane()], largest[lane() + half_lanes]);
        barrier();
    }
    found = largest[0];
    float enlarged = half_scale(half_exponent(found));
    bool octets = push.octets != 0u;
    for (uint unit = lane(); unit < UNITS; unit += LANES) {
        uvec4 words;
        [[unroll]] for (uint i = 0u; i < 4u; i++) {
            uvec2 c = 8u * unit + half_columns(i, octets);
            words[i] = half_bits(normed(c.x, scale) * enlarged) | half_bits(normed(c.y, scale) * enlarged) << 16;
        }
        y_units[half_at(token(), 4u * UNITS, 4u * unit, octets) / 4u] = words;
    }
    if (lane() == 0u) y_words[half_factor_at(token(), push.tokens, 4u * UNITS, octets)] = half_factor(found);
}

void main() {
    if (lane() == 0u && push.most != NO_MOST) most[push.most + token()] = 0u;
    add_splits();
    float scale = norm_scale();
    if (FORM == FORM_HALVES) write_halves(scale); else write_floats(scale);
}
