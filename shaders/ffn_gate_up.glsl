// y = gelu(gate) * up of the normed residual, the two being products with the rows of one
// matrix in the order of GateUpRow (layout.go): rows 16 apart in a tile are gate and up
// of one value.
#include "lanes.glsl"
#include "product.glsl"
#include "norm.glsl"
#include "gelu.glsl"

layout(set = 0, binding = 3, std430) writeonly buffer Y { float y[]; };

layout(push_constant) uniform Push {
    PRODUCT_PUSH
    uint ffn_dim;
    float eps;
} push;

const uint PAIR = TILE / 2u;

void main() {
    uint row = group_index() * ROWS;
    if (row >= push.rows) return;
    uint token = gl_WorkGroupID.z * TOKENS;
    norm_begin(push.first + token, push.first + push.tokens, push.cols);
    product(MATRIX(push), row, push.first + token, push.first + push.tokens);
    norm_end(push.cols, push.eps);
    for (uint i = gl_LocalInvocationID.x; i < TOKENS * ROWS / 2u; i += LANES) {
        uint t = i / (ROWS / 2u), j = i % PAIR, local = i / PAIR % (ROWS / TILE);
        uint at = t * ROWS + local * TILE + j, to = ((push.row0 + row) / TILE + local) * PAIR + j;
        if (token + t < push.tokens && to < push.ffn_dim)
            y[(token + t) * push.ffn_dim + to] = gelu(result[at] * norm_scale[t]) * (result[at + PAIR] * norm_scale[t]);
    }
}
