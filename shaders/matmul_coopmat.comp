#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
// y[t][row0+r] (+)= sum over k of W[r][k] * x[t][k] for many tokens, by cooperative matrices:
// products of f16, sums in f32. x is rows of halves (half_rows.glsl), a factor of each token;
// the sums are multiplied by it. Quantized weights become scale * q + offset in f16, 64 times
// as large, so that those of small scale are no subnormal f16. Each subgroup computes
// PART_ROWS × PART_TOKENS values. With GEGLU y is blocked halves.
#include "tiles.glsl"
#include "half_rows.glsl"
#include "gelu.glsl"

layout(constant_id = 9) const uint M = 16; // matrices of weights are M × K, of x K × N
layout(constant_id = 10) const uint N = 16;
layout(constant_id = 11) const uint K = 16;
layout(constant_id = 12) const uint BLOCK = 0; // of x, as blocked halves: columns that share a factor; 0: a token's do

layout(set = 0, binding = 1, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 1, std430) readonly buffer X4 { uvec4 x4[]; };
layout(set = 0, binding = 2, std430) buffer Y { float y[]; };
layout(set = 0, binding = 2, std430) buffer YMost { uint y_most[]; };
layout(set = 0, binding = 2, std430) buffer Y4 { uvec4 y4[]; };

const uint MS = PART_ROWS / M, NS = PART_TOKENS / N; // matrices of a subgroup
const uint SUBGROUP_ROWS = ROWS / PART_ROWS;
const uint SUBGROUPS = SUBGROUP_ROWS * (TOKENS / PART_TOKENS);
const uint SUBGROUP = LANES / SUBGROUPS;
const uint STRIDE = OCTETS + 1u; // of a line in shared memory: the 16 bytes put lines 8 apart in different banks
const uint X_OCTETS = TOKENS * OCTETS;
const uint LANE_X = (X_OCTETS + LANES - 1u) / LANES;
const uint RESULT = 5u; // quads of a token of a matrix of sums in shared memory: at most 16 rows, and again another bank

shared uvec4 weight_tile[BUFFERS * ROWS * STRIDE];
shared uvec4 x_tile[BUFFERS * TOKENS * STRIDE];
shared float token_factors[TOKENS];
shared uint token_most[BLOCK != 0u ? TOKENS : 1u]; // bits of the largest values

uvec4 x_octets[LANE_X]; // of a step on its way
float x_blocks[LANE_X]; // the factors of their blocks

#define Sum coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
Sum sum[MS * NS];

// Of quantized weights, which may be up to 1023.
const float ENLARGED = FLOATS ? 1.0 : 64.0;

// The bytes of a word, in their order. 0x6400 is 1024 in f16: 1024 + q has q in its last bits, and
// no subnormal comes in between.
uvec2 four_bytes(uint q, f16vec2 scale, f16vec2 offset) {
    f16vec2 even = fma(unpackFloat2x16((q & 0x00ff00ffu) | 0x64006400u) - f16vec2(1024.0), scale, offset);
    f16vec2 odd = fma(unpackFloat2x16(((q >> 8) & 0x00ff00ffu) | 0x64006400u) - f16vec2(1024.0), scale, offset);
    return uvec2(packFloat2x16(f16vec2(even.x, odd.x)), packFloat2x16(f16vec2(even.y, odd.y)));
}

void store_bytes(uint line, uint octet, uvec2 q, vec2 scale_offset) {
    f16vec2 v = f16vec2(scale_offset * ENLARGED), scale = v.xx, offset = v.yy;
    weight_tile[line * STRIDE + octet] = uvec4(four_bytes(q.x, scale, offset), four_bytes(q.y, scale, offset));
}

uvec2 four_halves(vec4 v) {
    return uvec2(packFloat2x16(f16vec2(v.xy)), packFloat2x16(f16vec2(v.zw)));
}

void store_floats(uint line, uint octet, uvec4 a, uvec4 b) {
    if (TYPE == F16) weight_tile[line * STRIDE + octet] = a;
    else weight_tile[line * STRIDE + octet] = uvec4(four_halves(float_values(a, 0u)), four_halves(float_values(b, 1u)));
}

uint row_octets() { return half_words(push.cols) / 4u; } // of a token of x, zero from there on

// Neighbours take neighbouring octets of a token.
void fetch_x(uint token0, uint step) {
    [[unroll]] for (uint j = 0u; j < LANE_X; j++) {
        uint i = lane() + j * LANES, token = min(token0 + i / OCTETS, push.tokens - 1u);
        if (X_OCTETS % LANES == 0u || i < X_OCTETS) {
            uint c = octet_column(step, i % OCTETS);
            x_octets[j] = c / 8u < row_octets() ? x4[token * row_octets() + c / 8u] : uvec4(0u);
            if (BLOCK != 0u) {
                uint blocks = (push.cols + BLOCK - 1u) / BLOCK;
                x_blocks[j] = x[half_block_at(token, push.tokens, blocks, min(c / BLOCK, blocks - 1u), push.factors)];
            }
        }
    }
}

uint scaled(uint pair, f16vec2 a, f16vec2 b) { return packFloat2x16(unpackFloat2x16(pair) * a * b); }

void store_x(uint buf, uint step) {
    [[unroll]] for (uint j = 0u; j < LANE_X; j++) {
        uint i = lane() + j * LANES, token = i / OCTETS;
        if (X_OCTETS % LANES == 0u || i < X_OCTETS) {
            uvec4 v = x_octets[j];
            if (BLOCK != 0u) {
                f16vec2 ratio = f16vec2(half_ratio(x_blocks[j], token_most[token])), a = ratio.xx, b = ratio.yy;
                v = uvec4(scaled(v.x, a, b), scaled(v.y, a, b), scaled(v.z, a, b), scaled(v.w, a, b));
            }
            x_tile[(buf * TOKENS + token) * STRIDE + i % OCTETS] = v;
        }
    }
}

uint part_row() { return gl_SubgroupID % SUBGROUP_ROWS * PART_ROWS; }
uint part_token() { return gl_SubgroupID / SUBGROUP_ROWS * PART_TOKENS; }

void compute(uint buf) {
    uint rows = (buf * ROWS + part_row()) * STRIDE, tokens = (buf * TOKENS + part_token()) * STRIDE;
    // Unrolled, the loads of all its matrices would be in flight, and registers run out.
    [[dont_unroll]] for (uint k = 0u; k < COLS; k += K) {
        coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> w[MS];
        [[unroll]] for (uint m = 0u; m < MS; m++)
            coopMatLoad(w[m], weight_tile, rows + m * M * STRIDE + k / 8u, STRIDE, gl_CooperativeMatrixLayoutRowMajor);
        [[unroll]] for (uint n = 0u; n < NS; n++) {
            coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> xs;
            coopMatLoad(xs, x_tile, tokens + n * N * STRIDE + k / 8u, STRIDE, gl_CooperativeMatrixLayoutColumnMajor);
            [[unroll]] for (uint m = 0u; m < MS; m++) sum[m * NS + n] = coopMatMulAdd(w[m], xs, sum[m * NS + n]);
        }
    }
}

// A quad of sums, where the steps' weights stood.
vec4 result(uint at) { return uintBitsToFloat(weight_tile[at]); }

// The n-th tokens' factors, in every row of a matrix: they multiply the sums where they are. They
// are powers of two, so that nothing is rounded, with or without what is added.
Sum factors_of(uint n) {
    Sum factors;
    coopMatLoad(factors, token_factors, part_token() + n * N, 0u, gl_CooperativeMatrixLayoutRowMajor);
    return factors;
}

// A part of a tile that lies within y as a whole.
void write_whole(uint row0, uint token0) {
    [[unroll]] for (uint n = 0u; n < NS; n++) {
        Sum factors = factors_of(n);
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
    uint base = gl_SubgroupID * N * RESULT;
    [[unroll]] for (uint n = 0u; n < NS; n++) {
        Sum factors = factors_of(n);
        [[unroll]] for (uint m = 0u; m < MS; m++) {
            coopMatStore(sum[m * NS + n] * factors, weight_tile, base, RESULT, gl_CooperativeMatrixLayoutColumnMajor);
            subgroupBarrier();
            [[unroll]] for (uint first = 0u; first < M * N; first += SUBGROUP) {
                uint i = first + gl_SubgroupInvocationID;
                uint row = row0 + m * M + i % M, token = token0 + n * N + i / M;
                if (i < M * N && row < push.rows && token < push.tokens) {
                    uint at = y_at(row, token);
                    float v = result(base + i / M * RESULT + i % M / 4u)[i % 4u];
                    y[at] = push.add != 0u ? y[at] + v : v;
                }
            }
            subgroupBarrier();
        }
    }
}

float largest(vec4 v) { return max(max(v.x, v.y), max(v.z, v.w)); }

uvec4 eight_halves(vec4 a, vec4 b) {
    if (push.octets != 0u) { // columns of four in the order 0, 2, 1, 3
        a = a.xzyw;
        b = b.xzyw;
    }
    return uvec4(half_bits(a.x) | half_bits(a.y) << 16, half_bits(a.z) | half_bits(a.w) << 16,
                 half_bits(b.x) | half_bits(b.y) << 16, half_bits(b.z) | half_bits(b.w) << 16);
}

// gelu(gate) * up, as blocked halves with blocks of PAIR columns. Matrices of gate and of up have
// their elements in the same places, wherever those are; the values of N tokens go through
// shared memory to invocations that have an octet of a token each.
void write_geglu(uint row0, uint token0) {
    const uint matrices = PAIR / M, jobs = 2u * N, turns = (jobs + SUBGROUP - 1u) / SUBGROUP;
    uint base = gl_SubgroupID * N * RESULT, words = half_words(push.stride), blocks = (push.stride + PAIR - 1u) / PAIR;
    bool octets = push.octets != 0u;
    uint factors_at = half_factor_at(0u, push.tokens, words, octets);
    [[unroll]] for (uint n = 0u; n < NS; n++) {
        Sum factors = factors_of(n);
        uint most[turns]; // of the part's values of a token
        [[unroll]] for (uint i = 0u; i < turns; i++) most[i] = 0u;
        [[unroll]] for (uint b = 0u; b < PART_ROWS / TILE; b++) {
            [[unroll]] for (uint i = 0u; i < matrices; i++) {
                uint m = b * 2u * matrices + i;
                Sum gate = sum[m * NS + n] * factors, up = sum[(m + matrices) * NS + n] * factors;
                [[unroll]] for (int e = 0; e < gate.length(); e++) gate[e] = gelu(gate[e]) * up[e];
                coopMatStore(gate, weight_tile, base + i * M / 4u, RESULT, gl_CooperativeMatrixLayoutColumnMajor);
            }
            subgroupBarrier();
            [[unroll]] for (uint i = 0u; i < turns; i++) {
                uint job = i * SUBGROUP + gl_SubgroupInvocationID, token = token0 + n * N + job % N, octet = job / N;
                uint row = row0 + b * TILE, c = y_column(row);
                if (job < jobs && token < push.tokens && row < push.rows && c < push.stride) {
                    vec4 v[4];
                    uint block = 0u; // the largest of it, as bits, whose order is that of the sizes, and in which NaN is the largest
                    [[unroll]] for (uint q = 0u; q < 4u; q++) {
                        v[q] = result(base + job % N * RESULT + q);
                        [[unroll]] for (uint e = 0u; e < 4u; e++) {
                            if (c + q * 4u + e >= push.stride) v[q][e] = 0.0;
                            block = max(block, floatBitsToUint(v[q][e]) & 0x7fffffffu);
                        }
                    }
                    most[i] = max(most[i], block);
                    float scale = half_scale(half_exponent(block));
                    vec4 first = octet == 0u ? v[0] : v[2], second = octet == 0u ? v[1] : v[3];
                    if (c + octet * 8u < push.stride)
                        y4[half_at(token, words, (c / 8u + octet) * 4u, octets) / 4u] = eight_halves(first * scale, second * scale);
                    if (octet == 0u) y[half_block_at(token, push.tokens, blocks, c / PAIR, factors_at)] = uintBitsToFloat(half_factor(block));
                }
            }
            subgroupBarrier();
        }
        [[unroll]] for (uint i = 0u; i < turns; i++) {
            uint job = i * SUBGROUP + gl_SubgroupInvocationID, token = token0 + n * N + job % N;
            if (job < N && token < push.tokens) atomicMax(y_most[factors_at + token], most[i]);
        }
    }
}

void main() {
    uint tile = group_index();
    if (tile >= row_tiles() * token_tiles()) return;
    uint row0 = first_row(tile), token0 = first_token(tile);
    [[unroll]] for (uint first = 0u; first < TOKENS; first += LANES) {
        uint i = first + lane();
        if (i < TOKENS) {
            uint most = floatBitsToUint(x[push.factors + min(token0 + i, push.tokens - 1u)]);
            if (BLOCK != 0u) token_most[i] = most;
            token_factors[i] = uintBitsToFloat(BLOCK != 0u ? half_factor(most) : most) / ENLARGED;
        }
    }
    barrier();
    [[unroll]] for (uint i = 0u; i < MS * NS; i++) sum[i] = Sum(0.0);
    multiply(row0, token0);
    barrier();
    uint row = row0 + part_row(), token = token0 + part_token();
    // Matrices are stored at multiples of 16 bytes. The whole workgroup goes one way:
    // lavapipe loses invocations behind a subgroup's barrier that others don't come to.
    if (GEGLU != 0u)
        write_geglu(row, token);
    else if (row0 + ROWS <= push.rows && token0 + TOKENS <= push.tokens && (push.stride | push.row0) % 4u == 0u)
        write_whole(row, token);
    else
        write_edge(row, token);
}
