#version 450
#extension GL_GOOGLE_include_directive : require
// x[r] = scale * token_embd[rows[r].token], the same times the next norm's weight, and
// the sums of its squares (norm.glsl); and the token's id goes into the history of its
// sequence. One workgroup a token, one dispatch a part of the table; tokens whose row
// lies in another part are left alone.
//
// Four lanes take a unit of 4 pairs of 4 columns (weights.glsl), two runs of 16 columns.
#extension GL_EXT_control_flow_attributes : require
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

shared float run[LANES * 8u], run_weighted[LANES * 8u]; // [unit][run][column]
uint block_at; // in run, of the block that is written
bool wants_quantized() { return push.quantize != 0u; }
float block_value(uint i) { return run_weighted[block_at + i]; }

#define QUANTIZED 7
#include "quantize.glsl"

// MaxDim is the widest embedding that [Kernels.Embed] takes.
// export
const uint MAX_DIM = 16384u;
shared float run_squares[MAX_DIM / 16u]; // of each 16 columns

// Columns c to c+3 of a row, which a run has from place `to` on.
void store(uint row, uint c, vec4 v, uint to) {
    v *= push.scale;
    for (uint i = 0u; i < 4u; i++) {
        bool there = c + i < push.cols;
        float weight = there ? v[i] * norm[c + i] : 0.0;
        run[to + i] = there ? v[i] : 0.0;
        run_weighted[to + i] = weight;
        if (!there) continue;
        uint at = row * push.cols + c + i;
        x[at] = v[i];
        weighted[at] = weight;
    }
}

void main() {
    uint out_row = gl_WorkGroupID.z, lane = gl_LocalInvocationID.x;
    Row r = rows[out_row];
    if (r.token < push.row0 || r.token >= push.row0 + push.rows) return;
    Matrix m = Matrix(push.rows, push.cols, push.row_quads, push.row_words, push.second);
    uint row = r.token - push.row0;
    if (lane == 0u) history[r.sequence * push.context + r.position] = r.token;
    uint units = unit_count(push.cols), p = lane % 4u, mine = lane / 4u * 32u;
    for (uint first = 0u; first < units; first += LANES / 4u) {
        uint u = first + lane / 4u;
        barrier();
        if (u < units) {
            vec4 a, b;
            pair_load(m, row, u, p, unit_scales(m, row, u), a, b);
            uvec2 c = pair_columns(u, p), to = uvec2(p * 4u, 16u + p * 4u);
            if (is_float_type()) to = uvec2(p * 8u, p * 8u + 4u); // its runs follow each other
            store(out_row, c.x, a, mine + to.x);
            store(out_row, c.y, b, mine + to.y);
        }
        barrier();
        if (u >= units) continue;
        uvec2 begin = is_float_type() ? uvec2(u * 32u, u * 32u + 16u) : pair_columns(u, 0u);
        for (uint which = 0u; which < 2u; which++) {
            block_at = mine + which * 16u;
            if (begin[which] < push.cols) quantize_word(out_row, push.cols, begin[which] / 16u, p);
            if (p != which) continue;
            float sum = 0.0;
            for (uint i = 0u; i < 16u; i++) sum += run[block_at + i] * run[block_at + i];
            run_squares[begin[which] / 16u] = sum;
        }
    }
    barrier();
    uint tiles = (push.cols + TILE - 1u) / TILE;
    for (uint i = lane; i < tiles; i += LANES) squares[out_row * tiles + i] = run_squares[2u * i] + run_squares[2u * i + 1u];
}
