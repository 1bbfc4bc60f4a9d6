#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// y[t][row0+r] (+)= sum over k of W[r][k] * x[first+t][k] for many tokens, in f32, on any
// device. Each invocation computes PART_ROWS × PART_TOKENS values in registers, of rows and
// tokens that lie apart, so that neighbours read neighbouring lines and write
// neighbouring values. All loops over them have constant bounds: what is indexed by anything
// else moves from registers to memory.
#include "tiles.glsl"
#include "gelu.glsl"

layout(set = 0, binding = 1, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 1, std430) readonly buffer X4 { vec4 x4[]; };
layout(set = 0, binding = 2, std430) buffer Y { float y[]; };

const uint QUADS = 2u * OCTETS;
const uint LANE_ROWS = ROWS / PART_ROWS; // 8 or 16: gate and up of a value are the same invocation's
const uint LANE_TOKENS = TOKENS / PART_TOKENS; // a multiple of 8
const uint X_QUADS = TOKENS * QUADS;
const uint LANE_X = (X_QUADS + LANES - 1u) / LANES;

shared vec4 weight_tile[BUFFERS * ROWS * QUADS];
shared vec4 x_tile[BUFFERS * TOKENS * QUADS];

vec4 x_quads[LANE_X]; // of a step on its way

// Eight neighbouring lines, of which a part of a wave reads the same quad at once, keep
// it in different banks: 8 quads are all 32.
uint swizzle(uint line) { return line * QUADS / 8u % QUADS; }

uint slot(uint line, uint q) { return line * QUADS + (q ^ swizzle(line)); }

void store_bytes(uint line, uint octet, uvec2 q, vec2 scale_offset) {
    weight_tile[slot(line, 2u * octet)] = scale_offset.x * bytes(q.x) + scale_offset.y;
    weight_tile[slot(line, 2u * octet + 1u)] = scale_offset.x * bytes(q.y) + scale_offset.y;
}

void store_floats(uint line, uint octet, uvec4 a, uvec4 b) {
    weight_tile[slot(line, 2u * octet)] = float_values(a, 0u);
    weight_tile[slot(line, 2u * octet + 1u)] = float_values(b, 1u);
}

vec4 load_x(uint token, uint c) {
    uint base = token * push.cols;
    if (!FLOATS) return c < push.cols ? x4[(base + c) / 4u] : vec4(0.0);
    vec4 v = vec4(0.0); // the last unit of a float row may be ragged
    if (c < push.cols) v.x = x[base + c];
    if (c + 1u < push.cols) v.y = x[base + c + 1u];
    if (c + 2u < push.cols) v.z = x[base + c + 2u];
    if (c + 3u < push.cols) v.w = x[base + c + 3u];
    return v;
}

// Neighbours take neighbouring quads of a token.
void fetch_x(uint token0, uint step) {
    [[unroll]] for (uint j = 0u; j < LANE_X; j++) {
        uint i = lane() + j * LANES, q = i % QUADS;
        if (X_QUADS % LANES == 0u || i < X_QUADS)
            x_quads[j] = load_x(push.first + min(token0 + i / QUADS, push.tokens - 1u), octet_column(step, q / 2u) + q % 2u * 4u);
    }
}

void store_x(uint buf, uint step) {
    [[unroll]] for (uint j = 0u; j < LANE_X; j++) {
        uint i = lane() + j * LANES;
        if (X_QUADS % LANES == 0u || i < X_QUADS) x_tile[slot(buf * TOKENS + i / QUADS, i % QUADS)] = x_quads[j];
    }
}

float sum[PART_ROWS * PART_TOKENS];

void compute(uint buf) {
    uint row = lane() % LANE_ROWS, token = lane() / LANE_ROWS;
    uint row_swizzle = swizzle(row), token_swizzle = swizzle(token); // of lines 8 apart it is the same
    uint rows = (buf * ROWS + row) * QUADS, tokens = (buf * TOKENS + token) * QUADS;
    [[unroll]] for (uint q = 0u; q < QUADS; q++) {
        vec4 xs[PART_TOKENS];
        [[unroll]] for (uint t = 0u; t < PART_TOKENS; t++)
            xs[t] = x_tile[tokens + t * LANE_TOKENS * QUADS + (q ^ token_swizzle)];
        [[unroll]] for (uint r = 0u; r < PART_ROWS; r++) {
            vec4 w = weight_tile[rows + r * LANE_ROWS * QUADS + (q ^ row_swizzle)];
            [[unroll]] for (uint t = 0u; t < PART_TOKENS; t++) { // not dot: four multiply-adds, nothing else
                uint i = r * PART_TOKENS + t;
                sum[i] += w.x * xs[t].x;
                sum[i] += w.y * xs[t].y;
                sum[i] += w.z * xs[t].z;
                sum[i] += w.w * xs[t].w;
            }
        }
    }
}

void write(uint row0, uint token0) {
    [[unroll]] for (uint t = 0u; t < PART_TOKENS; t++) {
        uint token = token0 + lane() / LANE_ROWS + t * LANE_TOKENS;
        [[unroll]] for (uint r = 0u; r < PART_ROWS; r++) { // to the end: a loop with a way out may not be unrolled
            uint row = row0 + lane() % LANE_ROWS + r * LANE_ROWS;
            if (row < push.rows && token < push.tokens) {
                uint at = y_at(row, token);
                float v = sum[r * PART_TOKENS + t];
                y[at] = push.add != 0u ? y[at] + v : v;
            }
        }
    }
}

void write_geglu(uint row0, uint token0) {
    const uint apart = PAIR / LANE_ROWS; // of an invocation's rows
    [[unroll]] for (uint t = 0u; t < PART_TOKENS; t++) {
        uint token = token0 + lane() / LANE_ROWS + t * LANE_TOKENS;
        [[unroll]] for (uint i = 0u; i < PART_ROWS / 2u; i++) {
            uint r = i / apart * 2u * apart + i % apart, row = row0 + lane() % LANE_ROWS + r * LANE_ROWS, c = y_column(row);
            if (row < push.rows && token < push.tokens && c < push.stride)
                y[token * push.stride + c] = gelu(sum[r * PART_TOKENS + t]) * sum[(r + apart) * PART_TOKENS + t];
        }
    }
}

void main() {
    uint tile = group_index();
    if (tile >= row_tiles() * token_tiles()) return;
    uint row0 = first_row(tile), token0 = first_token(tile);
    [[unroll]] for (uint i = 0u; i < PART_ROWS * PART_TOKENS; i++) sum[i] = 0.0;
    multiply(row0, token0);
    if (GEGLU != 0u) write_geglu(row0, token0);
    else write(row0, token0);
}
