#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// y[t][row0+r] (+)= sum over k of W[r][k] * x[first+t][k] for many tokens, in f32, on any
// device. Each invocation computes PART_ROWS × PART_TOKENS values in registers, of rows and
// tokens that lie apart, so that neighbours read neighbouring lines and write
// neighbouring values.
#define FACTORS vec4
#define PAD 0u
#include "tiles.glsl"

layout(set = 0, binding = 1, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 1, std430) readonly buffer X4 { vec4 x4[]; };
layout(set = 0, binding = 2, std430) buffer Y { float y[]; };

const uint LANE_ROWS = ROWS / PART_ROWS; // a multiple of 8
const uint LANE_TOKENS = TOKENS / PART_TOKENS; // a multiple of 8

// Eight neighbouring lines, of which a part of a wave reads the same quad at once, keep
// it in different banks: 8 quads are all 32.
uint swizzle(uint line) { return line * QUADS / 8u % QUADS; }

uint slot(uint line, uint q) { return line * STRIDE + (q ^ swizzle(line)); }

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

float sum[PART_ROWS * PART_TOKENS];

void compute(uint buf) {
    uint row = lane() % LANE_ROWS, token = lane() / LANE_ROWS;
    uint row_swizzle = swizzle(row), token_swizzle = swizzle(token); // of lines 8 apart it is the same
    uint rows = (buf * ROWS + row) * STRIDE, tokens = (buf * TOKENS + token) * STRIDE;
    [[unroll]] for (uint q = 0u; q < QUADS; q++) {
        vec4 xs[PART_TOKENS];
        [[unroll]] for (uint t = 0u; t < PART_TOKENS; t++)
            xs[t] = x_tile[tokens + t * LANE_TOKENS * STRIDE + (q ^ token_swizzle)];
        [[unroll]] for (uint r = 0u; r < PART_ROWS; r++) {
            vec4 w = weight_tile[rows + r * LANE_ROWS * STRIDE + (q ^ row_swizzle)];
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

void main() {
    uint tile = group_index();
    if (tile >= row_tiles() * token_tiles()) return;
    uint row0 = first_row(tile), token0 = first_token(tile);
    [[unroll]] for (uint i = 0u; i < PART_ROWS * PART_TOKENS; i++) sum[i] = 0.0;
    STEPS(row0, token0, compute)
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
