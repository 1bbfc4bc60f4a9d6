#version 450
#extension GL_GOOGLE_include_directive : require
// x[r] = scale * token_embd[rows[r].token], the same times the next norm's weight, and
// the sums of its squares (norm.glsl); and the token's id goes into the history of its
// sequence. One workgroup a token, one dispatch a part of the table; tokens whose row
// lies in another part are left alone.
#include "lanes.glsl"
#include "weights.glsl"
#include "rows.glsl"

layout(set = 0, binding = 1, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 2, std430) readonly buffer Norm { float norm[]; };
layout(set = 0, binding = 3, std430) writeonly buffer X { float x[]; };
layout(set = 0, binding = 4, std430) writeonly buffer Weighted { float weighted[]; };
layout(set = 0, binding = 5, std430) writeonly buffer Squares { float squares[]; };
layout(set = 0, binding = 6, std430) writeonly buffer History { uint history[]; };

layout(push_constant) uniform Push {
    uint rows;
    uint cols;
    uint row_quads;
    uint row_words;
    uint second;
    uint row0;    // first token id of this part
    uint context; // history entries a sequence
    float scale;
    uint quantize; // 1: somebody reads Quantized
} push;

float run[2][16]; // the weighted values of two runs of 16 columns
uint which;
bool wants_quantized() { return push.quantize != 0u; }
float block_value(uint i) { return run[which][i]; }

#define QUANTIZED 7
#include "quantize.glsl"

// MaxDim is the widest embedding that [Kernels.Embed] takes.
// export
const uint MAX_DIM = 16384u;
shared float run_squares[MAX_DIM / 16u]; // of each 16 columns

// Columns c to c+3 of a row, n of them into the run.
void store(uint row, uint c, vec4 v, uint to, uint n, inout vec2 sums) {
    v *= push.scale;
    for (uint i = 0u; i < 4u; i++) {
        run[to][n + i] = 0.0;
        if (c + i >= push.cols) continue;
        uint at = row * push.cols + c + i;
        float weight = v[i] * norm[c + i];
        x[at] = v[i];
        weighted[at] = weight;
        run[to][n + i] = weight;
        sums[to] += v[i] * v[i];
    }
}

void main() {
    uint out_row = gl_WorkGroupID.z, lane = gl_LocalInvocationID.x;
    Row r = rows[out_row];
    if (r.token < push.row0 || r.token >= push.row0 + push.rows) return;
    Matrix m = Matrix(push.rows, push.cols, push.row_quads, push.row_words, push.second);
    uint row = r.token - push.row0;
    if (lane == 0u) history[r.sequence * push.context + r.position] = r.token;
    for (uint u = lane; u < unit_count(push.cols); u += LANES) {
        vec4 scales = unit_scales(m, row, u);
        vec2 sums = vec2(0.0);
        uvec2 begin = is_float_type() ? uvec2(u * 32u, u * 32u + 16u) : pair_columns(u, 0u);
        for (uint p = 0u; p < 4u; p++) {
            vec4 a, b;
            pair_load(m, row, u, p, scales, a, b);
            uvec2 c = pair_columns(u, p);
            if (is_float_type()) { // its runs follow each other
                store(out_row, c.x, a, p / 2u, p % 2u * 8u, sums);
                store(out_row, c.y, b, p / 2u, p % 2u * 8u + 4u, sums);
            } else {
                store(out_row, c.x, a, 0u, p * 4u, sums);
                store(out_row, c.y, b, 1u, p * 4u, sums);
            }
        }
        for (which = 0u; which < 2u; which++) {
            run_squares[begin[which] / 16u] = sums[which];
            if (begin[which] < push.cols) quantize_block(out_row, push.cols, begin[which] / 16u);
        }
    }
    barrier();
    uint tiles = (push.cols + TILE - 1u) / TILE;
    for (uint i = lane; i < tiles; i += LANES) squares[out_row * tiles + i] = run_squares[2u * i] + run_squares[2u * i + 1u];
}
