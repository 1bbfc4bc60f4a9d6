// x[t][row0+r] += sum over k of W[r][k] * in[t][k]: the product and the residual in one,
// with what the next RMSNorm needs of x (norm.glsl).
#include "lanes.glsl"
#include "product.glsl"

layout(set = 0, binding = 2, std430) readonly buffer Norm { float norm[]; }; // its weight
layout(set = 0, binding = 3, std430) buffer Residual { float residual[]; };
layout(set = 0, binding = 4, std430) writeonly buffer Weighted { float weighted[]; };
layout(set = 0, binding = 5, std430) writeonly buffer Squares { float squares[]; };

layout(push_constant) uniform Push {
    PRODUCT_PUSH
    uint dim;
} push;

void main() {
    uint row = group_index() * ROWS;
    if (row >= push.rows) return;
    uint token = gl_WorkGroupID.z * TOKENS;
    product(MATRIX(push), row, push.first + token, push.first + push.tokens);
    for (uint i = gl_LocalInvocationID.x; i < TOKENS * ROWS; i += LANES) {
        uint r = row + i % ROWS, t = token + i / ROWS;
        float sum = 0.0;
        if (r < push.rows && t < push.tokens) {
            uint at = t * push.dim + push.row0 + r;
            sum = residual[at] + result[i];
            residual[at] = sum;
            weighted[at] = sum * norm[push.row0 + r];
        }
        result[i] = sum * sum;
    }
    barrier();
    for (uint i = gl_LocalInvocationID.x; i < TOKENS * ROWS / TILE; i += LANES) {
        uint t = token + i / (ROWS / TILE), tile = (push.row0 + row) / TILE + i % (ROWS / TILE);
        if (t >= push.tokens || tile * TILE >= push.row0 + push.rows) continue;
        float sum = 0.0;
        for (uint r = 0u; r < TILE; r++) sum += result[i * TILE + r];
        squares[t * ((push.dim + TILE - 1u) / TILE) + tile] = sum;
    }
}
