#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
// Which elements of matrices of 16 × 16 times 16 × 8 each lane of a subgroup of 32 holds: Vulkan
// leaves that to the driver. The matrices that are loaded hold numbers that tell their
// elements apart; matrix_places.go reads them.
#include "lanes.glsl"

const uint M = 16, N = 8, K = 16;

layout(set = 0, binding = 0, std430) writeonly buffer Places { uint places[]; }; // [lane][8] of A, [lane][4] of B, [lane][4] of the sums: row × columns + column

shared f16vec2 halves[M * K / 2u];
shared float floats[M * N];

void main() {
    uint lane = gl_LocalInvocationID.x;
    for (uint i = lane; i < M * K / 2u; i += LANES) halves[i] = f16vec2(2u * i, 2u * i + 1u); // below 2048: exact
    for (uint i = lane; i < M * N; i += LANES) floats[i] = float(i);
    barrier();
    coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a;
    coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> c;
    coopMatLoad(a, halves, 0u, K / 2u, gl_CooperativeMatrixLayoutRowMajor);
    coopMatLoad(b, halves, 0u, N / 2u, gl_CooperativeMatrixLayoutRowMajor);
    coopMatLoad(c, floats, 0u, N, gl_CooperativeMatrixLayoutRowMajor);
    // A lane that holds another number of elements leaves what no element is.
    for (uint i = 0u; i < 8u; i++) places[lane * 8u + i] = a.length() == 8 ? uint(a[i]) : ~0u;
    for (uint i = 0u; i < 4u; i++) places[LANES * 8u + lane * 4u + i] = b.length() == 4 ? uint(b[i]) : ~0u;
    for (uint i = 0u; i < 4u; i++) places[LANES * 12u + lane * 4u + i] = c.length() == 4 ? uint(c[i]) : ~0u;
}
