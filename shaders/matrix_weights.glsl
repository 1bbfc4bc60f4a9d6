// What the products by cooperative matrices of f16 share (matrices.glsl, matmul_lanes.comp): x in halves, and weights
// that a lane makes its elements of matrices of. The includer has included weights.glsl, and has SUBGROUPS,
// the subgroups of a workgroup, and of MATRIX_LANES the constants MATRIX_A, MATRIX_B and MATRIX_SUM, of MatrixPlaces.
//
// MATRIX_LANES: matrices are 16 × 16 times 16 × 8, subgroups 32 lanes. Lane 4g + t has of the weights rows g and g + 8, of
//   x token g, of the sums tokens 2t and 2t + 1, and four columns of the sixteen. Since both factors take the same columns for an
//   index of the sum, which those are is free: a lane takes steps of 32 columns of its own.
// MATRIX_EMULATED: the same where there are no matrices, to test its arithmetic anywhere.
#include "half_rows.glsl"
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#ifdef MATRIX_EMULATED
#define MATRIX_LANES
#else
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#endif

layout(set = 0, binding = 1, std430) readonly restrict buffer XHalves { uvec4 x_halves[]; };
layout(set = 0, binding = 1, std430) readonly restrict buffer XFactors { float x_factors[]; };

// Of quantized weights, so that those of small scale are no subnormal f16: they may be up to 1023.
float enlarged() { return is_float_type() ? 1.0 : 64.0; }

uint row_in(Matrix m, uint r) { // a tile past the end is the last one once more
    return min(r / TILE, (m.rows - 1u) / TILE) * TILE + r % TILE;
}

#ifdef MATRIX_LANES

#ifdef MATRIX_EMULATED
#define UNROLL [[dont_unroll]] // compilers of CPU devices take minutes for all the barriers
#define Sum vec4
#define ZERO vec4(0.0)
#define ELEMENT(sum, i) sum[i]
struct A { f16vec2 v[4]; };
struct B { f16vec2 v[2]; };
shared float emulated_a[SUBGROUPS * 16u * 16u], emulated_b[SUBGROUPS * 16u * 8u];
bool idle = false; // this subgroup is past its last step

uint lane_index() { return gl_LocalInvocationID.x % 32u; }
uint subgroup_index() { return gl_LocalInvocationID.x / 32u; }

A matrix_a(f16vec2 v[4]) { return A(v); }
B matrix_b(f16vec2 a, f16vec2 b) { return B(f16vec2[2](a, b)); }

void multiply_add(A a, B b, inout Sum sum) {
    uint g = lane_index() / 4u, t = lane_index() % 4u;
    barrier();
    [[dont_unroll]] for (uint i = 0u; i < 8u; i++)
        emulated_a[(subgroup_index() * 16u + g + 8u * (i / 2u % 2u)) * 16u + 2u * t + i % 2u + 8u * (i / 4u)] = float(a.v[i / 2u][i % 2u]);
    [[dont_unroll]] for (uint i = 0u; i < 4u; i++)
        emulated_b[(subgroup_index() * 8u + g) * 16u + 2u * t + i % 2u + 8u * (i / 2u)] = float(b.v[i / 2u][i % 2u]);
    barrier();
    if (idle) return;
    [[dont_unroll]] for (uint i = 0u; i < 4u; i++)
        [[dont_unroll]] for (uint k = 0u; k < 16u; k++)
            sum[i] += emulated_a[(subgroup_index() * 16u + g + 8u * (i / 2u)) * 16u + k] * emulated_b[(subgroup_index() * 8u + 2u * t + i % 2u) * 16u + k];
}
#else
#define UNROLL [[unroll]]
#define Sum coopmat<float, gl_ScopeSubgroup, 16, 8, gl_MatrixUseAccumulator>
#define A coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseA>
#define B coopmat<float16_t, gl_ScopeSubgroup, 16, 8, gl_MatrixUseB>
#define ZERO Sum(0.0)
#define ELEMENT(sum, i) sum[MATRIX_SUM >> 2u * (i) & 3u]
#define multiply_add(a, b, sum) sum = coopMatMulAdd(a, b, sum)

uint lane_index() { return gl_SubgroupInvocationID; }
uint subgroup_index() { return gl_SubgroupID; }

A matrix_a(f16vec2 v[4]) {
    A a;
    [[unroll]] for (uint i = 0u; i < 8u; i++) a[MATRIX_A >> 3u * i & 7u] = v[i / 2u][i % 2u];
    return a;
}

B matrix_b(f16vec2 v, f16vec2 w) {
    B b;
    b[MATRIX_B & 3u] = v.x;
    b[MATRIX_B >> 2u & 3u] = v.y;
    b[MATRIX_B >> 4u & 3u] = w.x;
    b[MATRIX_B >> 6u & 3u] = w.y;
    return b;
}
#endif

// Eight columns of a row, in the order of an octet.
struct Eight { f16vec2 v[4]; };

// Two bytes, 16 bits apart. 0x6400 is 1024 in f16: 1024 + q has q in its last bits, and no
// subnormal comes in between.
f16vec2 scaled(uint two, f16vec2 scale, f16vec2 offset) {
    return fma(unpackFloat2x16((two & 0x00ff00ffu) | 0x64006400u) - f16vec2(1024.0), scale, offset);
}

// Scale and offset of both runs, as eight_bytes takes them.
f16vec4 half_scales(vec4 scales) { return f16vec4(scales * enlarged()); }

Eight eight_bytes(uint a, uint b, f16vec2 v) {
    f16vec2 scale = v.xx, offset = v.yy;
    return Eight(f16vec2[4](scaled(a, scale, offset), scaled(a >> 8, scale, offset), scaled(b, scale, offset), scaled(b >> 8, scale, offset)));
}

// An octet of floats, whose quad is a, of F32 quads a and b.
Eight eight_floats(uvec4 a, uvec4 b) {
    if (TYPE == F16) {
        f16vec2 v0 = unpackFloat2x16(a.x), v1 = unpackFloat2x16(a.y), v2 = unpackFloat2x16(a.z), v3 = unpackFloat2x16(a.w);
        return Eight(f16vec2[4](f16vec2(v0.x, v1.x), f16vec2(v0.y, v1.y), f16vec2(v2.x, v3.x), f16vec2(v2.y, v3.y)));
    }
    f16vec4 c = f16vec4(float_values(a, 0u)), d = f16vec4(float_values(b, 1u));
    return Eight(f16vec2[4](c.xz, c.yw, d.xz, d.yw));
}

#endif
