// Chains of cooperative matrix products, one subgroup each: a *= scale; c += a*b, again
// and again. The sum of a subgroup's c is one M x N tile of results. scale is 1 or -1,
// which the compiler cannot know: it cannot take a*b out of the loop.
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_16bit_storage : require
#include "lanes.glsl"

layout(constant_id = 1) const uint CHAINS = 4; // 1, 4 or 8
layout(constant_id = 2) const uint M = 16;
layout(constant_id = 3) const uint N = 16;
layout(constant_id = 4) const uint K = 16;

// a, M x K, and then eight b, K x N, row by row.
layout(set = 0, binding = 0, std430) readonly buffer Factors { float16_t factors[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Results { FLOAT results[]; };

layout(push_constant) uniform Push {
    uint rounds;
    float scale;
    float seed;
} push;

#define MATRIX_B coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB>
#define MATRIX_C coopmat<FLOAT, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
#define LOAD_B(b, i) MATRIX_B b; coopMatLoad(b, factors, M * K + i * K * N, N, gl_CooperativeMatrixLayoutRowMajor);
#define START(c, i) MATRIX_C c = MATRIX_C(push.seed + float(i));

void main() {
    coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a;
    coopMatLoad(a, factors, 0, K, gl_CooperativeMatrixLayoutRowMajor);
    LOAD_B(b0, 0) LOAD_B(b1, 1) LOAD_B(b2, 2) LOAD_B(b3, 3) LOAD_B(b4, 4) LOAD_B(b5, 5) LOAD_B(b6, 6) LOAD_B(b7, 7)
    START(c0, 0) START(c1, 1) START(c2, 2) START(c3, 3) START(c4, 4) START(c5, 5) START(c6, 6) START(c7, 7)
    float16_t scale = float16_t(push.scale);
    for (uint r = 0u; r < push.rounds; r++) {
        a = a * scale;
        c0 = coopMatMulAdd(a, b0, c0);
        if (CHAINS >= 4u) {
            c1 = coopMatMulAdd(a, b1, c1);
            c2 = coopMatMulAdd(a, b2, c2);
            c3 = coopMatMulAdd(a, b3, c3);
        }
        if (CHAINS >= 8u) {
            c4 = coopMatMulAdd(a, b4, c4);
            c5 = coopMatMulAdd(a, b5, c5);
            c6 = coopMatMulAdd(a, b6, c6);
            c7 = coopMatMulAdd(a, b7, c7);
        }
    }
    if (CHAINS >= 4u) c0 = (c0 + c1) + (c2 + c3);
    if (CHAINS >= 8u) c0 = c0 + ((c4 + c5) + (c6 + c7));
    uint tile = gl_WorkGroupID.x * gl_NumSubgroups + gl_SubgroupID;
    coopMatStore(c0, results, tile * M * N, N, gl_CooperativeMatrixLayoutRowMajor);
}
