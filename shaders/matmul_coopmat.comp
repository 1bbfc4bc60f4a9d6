#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
// y[t][row0+r] (+)= sum over k of W[r][k] * x[t][k] for many tokens, by cooperative matrices:
// products of f16, sums in f32. to_half.comp wrote x, each token times a power of two
// that fits it into f16; the factor that undoes this is applied to the sums. Each
// subgroup computes PART_ROWS × PART_TOKENS values.
#define FACTORS f16vec4
#define PAD 2u // 16 bytes, the alignment that loads may ask for; lines 8 apart stay in different banks
#include "tiles.glsl"

layout(constant_id = 8) const uint M = 16; // matrices of weights are M × K, of x K × N
layout(constant_id = 9) const uint N = 16;
layout(constant_id = 10) const uint K = 16;

layout(set = 0, binding = 1, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 1, std430) readonly buffer X2 { uvec2 x2[]; };
layout(set = 0, binding = 2, std430) buffer Y { float y[]; };

const uint MS = PART_ROWS / M, NS = PART_TOKENS / N; // matrices of a subgroup
const uint SUBGROUP_ROWS = ROWS / PART_ROWS;
const uint SUBGROUPS = SUBGROUP_ROWS * (TOKENS / PART_TOKENS);

shared float result[SUBGROUPS * M * N];

#define Sum coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
Sum sum[MS * NS];

uint slot(uint line, uint q) { return line * STRIDE + q; }

f16vec4 load_x(uint token, uint c) { // rows of whole 8 values, zero where there is no column
    uint quads = (push.cols + 7u) / 8u * 2u;
    if (c / 4u >= quads) return f16vec4(0.0);
    uvec2 v = x2[token * quads + c / 4u];
    return f16vec4(unpackFloat2x16(v.x), unpackFloat2x16(v.y));
}

void compute(uint buf) {
    uint rows = buf * ROWS + gl_SubgroupID % SUBGROUP_ROWS * PART_ROWS;
    uint tokens = buf * TOKENS + gl_SubgroupID / SUBGROUP_ROWS * PART_TOKENS;
    [[unroll]] for (uint k = 0u; k < COLS; k += K) {
        coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> w[MS];
        [[unroll]] for (uint m = 0u; m < MS; m++)
            coopMatLoad(w[m], weight_tile, slot(rows + m * M, k / 4u), STRIDE, gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint n = 0u; n < NS; n++) {
            coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> xs;
            coopMatLoad(xs, x_tile, slot(tokens + n * N, k / 4u), STRIDE, gl_CooperativeMatrixLayoutColumnMajor);
            [[unroll]] for (uint m = 0u; m < MS; m++) sum[m * NS + n] = coopMatMulAdd(w[m], xs, sum[m * NS + n]);
        }
    }
}

// A part of a tile that lies within y as a whole: a matrix whose rows are all the tokens'
// factors scales the sums where they are. The factors are powers of two, so that nothing is
// rounded, with or without what is added.
void write_whole(uint row0, uint token0) {
    [[unroll]] for (uint n = 0u; n < NS; n++) {
        Sum factors;
        coopMatLoad(factors, x, push.factors + token0 + n * N, 0u, gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint m = 0u; m < MS; m++) {
            uint at = y_at(row0 + m * M, token0 + n * N);
            Sum v = sum[m * NS + n] * factors;
            if (push.add != 0u) {
                Sum old;
                coopMatLoad(old, y, at, push.stride, gl_CooperativeMatrixLayoutColumnMajor);
                v += old;
            }
            coopMatStore(v, y, at, push.stride, gl_CooperativeMatrixLayoutColumnMajor);
        }
    }
}

// Where an invocation's elements of a matrix stand is the device's secret: at the edges
// the sums go through shared memory. All loops have constant bounds: a sum that is indexed by
// anything else moves from registers to memory, and the whole kernel to a third of its speed.
void write_edge(uint row0, uint token0) {
    const uint subgroup = LANES / SUBGROUPS;
    uint base = gl_SubgroupID * M * N;
    [[unroll]] for (uint n = 0u; n < NS; n++) {
        [[unroll]] for (uint m = 0u; m < MS; m++) {
            coopMatStore(sum[m * NS + n], result, base, M, gl_CooperativeMatrixLayoutColumnMajor);
            subgroupBarrier();
            [[unroll]] for (uint first = 0u; first < M * N; first += subgroup) {
                uint i = first + gl_SubgroupInvocationID;
                uint row = row0 + m * M + i % M, token = token0 + n * N + i / M;
                if (i < M * N && row < push.rows && token < push.tokens) {
                    uint at = y_at(row, token);
                    float v = result[base + i] * x[push.factors + token];
                    y[at] = push.add != 0u ? y[at] + v : v;
                }
            }
            subgroupBarrier();
        }
    }
}

void main() {
    uint tile = group_index();
    if (tile >= row_tiles() * token_tiles()) return;
    uint row0 = first_row(tile), token0 = first_token(tile);
    [[unroll]] for (uint i = 0u; i < MS * NS; i++) sum[i] = Sum(0.0);
    STEPS(row0, token0, compute)
    uint row = row0 + gl_SubgroupID % SUBGROUP_ROWS * PART_ROWS, token = token0 + gl_SubgroupID / SUBGROUP_ROWS * PART_TOKENS;
    // Matrices are stored at multiples of 16 bytes. The whole workgroup goes one way:
    // lavapipe loses invocations behind a subgroup's barrier that others don't come to.
    if (row0 + ROWS <= push.rows && token0 + TOKENS <= push.tokens && (push.stride | push.row0) % 4u == 0u)
        write_whole(row, token);
    else
        write_edge(row, token);
}
