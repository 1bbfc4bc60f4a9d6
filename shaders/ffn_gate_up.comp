#version 450
#extension GL_GOOGLE_include_directive : require
// y = gelu(gate) * up of the normed residual, the two being products with the rows of one
// matrix in the order of GateUpRow (layout.go): rows 16 apart in a tile are gate and up
// of one value.
//
// variant quad: QUAD, shares loads of x among four lanes
// variant dot: INT_DOT, x is as quantize.glsl writes it
// variant lanes: MATRIX_LANES, cooperative matrices (matrices.glsl)
// variant shared: MATRIX_SHARED, the same by shared memory
// variant emulated: MATRIX_EMULATED, lanes without matrices, for tests
#include "lanes.glsl"
#include "product.glsl"
#include "norm.glsl"
#include "gelu.glsl"

layout(set = 0, binding = 3, std430) writeonly buffer Y { float y[]; };

layout(push_constant) uniform Push {
    PRODUCT_PUSH
    uint ffn_dim;
    float eps;
    uint quantize; // 1: somebody reads Quantized
} push;

const uint PAIR = TILE / 2u;

uint block_at; // in result, of the block that is written
bool wants_quantized() { return push.quantize != 0u; }
float block_value(uint i) { return result[block_at + i]; }

#define QUANTIZED 4
#include "quantize.glsl"

void main() {
    uint row = group_index() * ROWS;
    if (row >= push.rows) return;
    uint token = push.from + gl_WorkGroupID.z * TOKENS;
    norm_begin(push.first + token, push.first + push.tokens, push.cols);
    product(MATRIX(push), row, push.first + token, push.first + push.tokens);
    norm_end(push.cols, push.eps);
    uint end = min(push.ffn_dim, (push.row0 + push.rows) / TILE * PAIR); // of this part
    for (uint i = gl_LocalInvocationID.x; i < TOKENS * ROWS / 2u; i += LANES) {
        uint t = i / (ROWS / 2u), j = i % PAIR, local = i / PAIR % (ROWS / TILE);
        uint at = t * ROWS + local * TILE + j, to = ((push.row0 + row) / TILE + local) * PAIR + j;
        if (token + t >= push.tokens || row + local * TILE >= push.rows || to >= end) continue;
        result[at] = gelu(result[at] * norm_scale[t]) * (result[at + PAIR] * norm_scale[t]);
        y[(token + t) * push.ffn_dim + to] = result[at];
    }
    if (push.quantize == 0u) return;
    barrier();
    for (uint i = gl_LocalInvocationID.x; i < TOKENS * ROWS / TILE * 4u; i += LANES) { // a tile's values are a block
        uint tile = i / 4u, t = token + tile / (ROWS / TILE), local = tile % (ROWS / TILE), block = (push.row0 + row) / TILE + local;
        block_at = tile * TILE;
        if (t < push.tokens && row + local * TILE < push.rows && block * PAIR < end) quantize_word(t, push.ffn_dim, block, i % 4u);
    }
}
