#version 450
#extension GL_GOOGLE_include_directive : require
// y[t][row0+r] = sum over k of W[r][k] * x[first+t][k], or of its RMSNorm.
//
// variant quad: QUAD, shares loads of x among four lanes
// variant lanes: MATRIX_LANES, cooperative matrices (matrices.glsl)
// variant shared: MATRIX_SHARED, the same by shared memory
// variant emulated: MATRIX_EMULATED, lanes without matrices, for tests
#include "lanes.glsl"
#include "product.glsl"
#include "norm.glsl"

layout(constant_id = 11) const uint NORM = 0; // 1: x is weighted, and squares its sums

layout(set = 0, binding = 3, std430) writeonly buffer Y { float y[]; };

layout(push_constant) uniform Push {
    PRODUCT_PUSH
    uint stride; // of a token in y
    float eps;
} push;

void main() {
    uint row = group_index() * ROWS;
    if (row >= push.rows) return;
    uint token = push.from + gl_WorkGroupID.z * TOKENS, tokens = push.first + push.tokens;
    if (NORM != 0u) norm_begin(push.first + token, tokens, push.cols);
    product(MATRIX(push), row, push.first + token, tokens);
    if (NORM != 0u) norm_end(push.cols, push.eps);
    for (uint i = gl_LocalInvocationID.x; i < TOKENS * ROWS; i += LANES) {
        uint r = row + i % ROWS, t = i / ROWS;
        if (r >= push.rows || token + t >= push.tokens) continue;
        y[(token + t) * push.stride + push.row0 + r] = NORM != 0u ? result[i] * norm_scale[t] : result[i];
    }
}
