#version 450
#extension GL_GOOGLE_include_directive : require
// x[t][row0+r] += sum over k of W[r][k] * in[t][k]: the product and the residual in one,
// with what the next RMSNorm needs of x (norm.glsl).
//
// variant quad: QUAD, shares loads of x among four lanes
// variant dot: INT_DOT, x is as quantize.glsl writes it
// variant lanes: MATRIX_LANES, cooperative matrices (matrices.glsl)
// variant shared: MATRIX_SHARED, the same by shared memory
// variant emulated: MATRIX_EMULATED, lanes without matrices, for tests
#include "lanes.glsl"
#define SPLITS_GRID
#include "product.glsl"

layout(set = 0, binding = 2, std430) readonly buffer Norm { float norm[]; }; // its weight
layout(set = 0, binding = 3, std430) buffer Residual { float residual[]; };
layout(set = 0, binding = 4, std430) writeonly buffer Weighted { float weighted[]; };
layout(set = 0, binding = 5, std430) writeonly buffer Squares { float squares[]; };

layout(push_constant) uniform Push {
    PRODUCT_PUSH
    uint dim;
    uint quantize; // 1: somebody reads Quantized
} push;

uint block_row, block_at; // of the block that is written, in the matrix and in result
bool wants_quantized() { return push.quantize != 0u; }
float block_value(uint i) { return result[block_at + i] * norm[block_row + i]; }

#define QUANTIZED 6
#include "quantize.glsl"
#define PARTIAL 7
#define DONE 8
#include "grid_splits.glsl"

void main() {
    uint row = group_index() * ROWS;
    if (row >= push.rows) return;
    uint group = gl_WorkGroupID.z / GRID_SPLITS, token = push.from + group * TOKENS;
    product(MATRIX(push), row, push.first + token, push.first + push.tokens);
    if (!merge_grid_splits(group * ((push.rows + ROWS - 1u) / ROWS) + row / ROWS)) return;
    for (uint i = gl_LocalInvocationID.x; i < TOKENS * ROWS; i += LANES) {
        uint r = row + i % ROWS, t = token + i / ROWS;
        float sum = 0.0;
        if (r < push.rows && t < push.tokens) {
            uint at = t * push.dim + push.row0 + r;
            sum = residual[at] + result[i];
            residual[at] = sum;
            weighted[at] = sum * norm[push.row0 + r];
        }
        result[i] = sum;
    }
    barrier();
    for (uint i = LANES - 1u - gl_LocalInvocationID.x; i < TOKENS * ROWS / TILE; i += LANES) { // the last lanes, while the first have words
        uint t = token + i / (ROWS / TILE), tile = (push.row0 + row) / TILE + i % (ROWS / TILE);
        if (t >= push.tokens || tile * TILE >= push.row0 + push.rows) continue;
        float sum = 0.0;
        for (uint r = 0u; r < TILE; r++) sum += result[i * TILE + r] * result[i * TILE + r];
        squares[t * ((push.dim + TILE - 1u) / TILE) + tile] = sum;
    }
    for (uint i = gl_LocalInvocationID.x; i < TOKENS * ROWS / 4u; i += LANES) {
        uint t = token + i / (ROWS / 4u);
        block_at = i / 4u * 16u;
        block_row = push.row0 + row + block_at % ROWS;
        if (t < push.tokens && block_row < min(push.row0 + push.rows, push.dim)) quantize_word(t, push.dim, block_row / 16u, i % 4u);
    }
}
