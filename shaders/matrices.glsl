// The product of product.glsl by cooperative matrices: of up to 32 tokens, whose weights are then
// read once, products of f16 with sums in f32. half_rows.glsl says what x is. A subgroup computes
// all ROWS × TOKENS values for its share of the columns, in the same order for
// every token, however many there are and whichever is its column of a matrix.
//
// MATRIX_LANES: a lane dequantizes weights in registers, straight into its elements of a matrix (matrix_weights.glsl), whose
//   places matrix_places.comp found; x is in octets. Subgroups are 32 lanes.
// MATRIX_SHARED: a lane dequantizes rows into shared memory, where matrices of any shape are loaded from.
// MATRIX_EMULATED: MATRIX_LANES where there are no matrices, to test its arithmetic anywhere.
#define SUBGROUPS SPLITS
#include "matrix_weights.glsl"

#ifdef MATRIX_LANES
const uint N = 8u; // tokens of a matrix
const bool OCTETS = true;
#else
const uint M = MATRIX_A, N = MATRIX_B, K = MATRIX_SUM;
const bool OCTETS = false;
#endif

shared float part[SPLITS * N * ROWS]; // [split][token][row]

// Adds the parts of the tokens of the n-th matrices, in the order of the splits.
void add_parts(uint n, uint token, uint tokens, uint cols) {
    barrier();
    for (uint i = gl_LocalInvocationID.x; i < N * ROWS; i += LANES) {
        float sum = part[i];
        for (uint s = 1u; s < SPLITS; s++) sum += part[s * N * ROWS + i];
        uint t = min(token + n * N + i / ROWS, tokens - 1u);
        result[n * N * ROWS + i] = sum * (x_factors[half_factor_at(t, tokens, half_words(cols), OCTETS)] / enlarged());
    }
    barrier();
}

#ifdef MATRIX_LANES

const uint LANE_ROWS = ROWS / 8u, MS = ROWS / 16u, NS = TOKENS / N;
const uint LANE_QUADS = TYPE == F32 ? SPAN * 8u : TYPE == F16 ? SPAN * 4u : TYPE == BF16 ? SPAN * 4u : SPAN; // of a row that a lane loads together

// Leaves the products in result. All invocations return.
void product(Matrix m, uint first_row, uint token, uint tokens) {
    uint g = lane_index() / 4u, t = lane_index() % 4u;
    uint rows[LANE_ROWS];
    [[unroll]] for (uint r = 0u; r < LANE_ROWS; r++) rows[r] = row_in(m, first_row + r * 8u + g);
    Sum sums[MS * NS];
    [[unroll]] for (uint i = 0u; i < MS * NS; i++) sums[i] = ZERO;

    uint turns = m.cols / (128u * SPAN), octets = m.cols / 8u;
#ifdef MATRIX_EMULATED // whose barriers all subgroups come to
    uint last = (turns + SPLITS - 1u) / SPLITS * SPLITS;
#else
    uint last = turns;
#endif
    [[dont_unroll]] for (uint turn = subgroup_index(); turn < last; turn += SPLITS) {
#ifdef MATRIX_EMULATED
        idle = turn >= turns;
#endif
        uint first = (4u * min(turn, turns - 1u) + t) * SPAN;
        uvec4 q[LANE_ROWS * LANE_QUADS], q2[LANE_ROWS * SPAN];
        Head head[LANE_ROWS];
        [[unroll]] for (uint r = 0u; r < LANE_ROWS; r++) {
            [[unroll]] for (uint k = 0u; k < LANE_QUADS; k++)
                q[r * LANE_QUADS + k] = quad_at(m, rows[r], is_float_type() ? first * FLOAT_QUADS + k : first_quad(first + k));
            if (has_second())
                [[unroll]] for (uint k = 0u; k < SPAN; k++) q2[r * SPAN + k] = quad_at(m, rows[r], second_quad(first + k));
            if (!is_float_type()) head[r] = step_head(m, rows[r], first);
        }
        UNROLL for (uint i = 0u; i < SPAN; i++) {
            uint s = first + i;
            uvec2 c = is_float_type() ? uvec2(32u * s, 32u * s + 16u) : step_columns(s);
            uvec4 qa[LANE_ROWS], qb[LANE_ROWS];
            f16vec4 scales[LANE_ROWS];
            if (!is_float_type()) {
                [[unroll]] for (uint r = 0u; r < LANE_ROWS; r++) {
                    if (i > 0u && i % block_steps() == 0u) head[r] = step_head(m, rows[r], s);
                    step_unpack(head[r], s, q[r * LANE_QUADS + i], q2[r * SPAN + i], qa[r], qb[r]);
                    scales[r] = half_scales(step_scales(head[r], s));
                }
            }
            UNROLL for (uint o = 0u; o < 4u; o++) { // octets of the step
                uint column = (o < 2u ? c.x : c.y) + o % 2u * 8u;
                uvec4 x[NS];
                [[unroll]] for (uint n = 0u; n < NS; n++) x[n] = x_halves[((token / 8u + n) * octets + column / 8u) * 8u + g];
                Eight w[LANE_ROWS];
                [[unroll]] for (uint r = 0u; r < LANE_ROWS; r++) {
                    if (is_float_type()) w[r] = eight_floats(q[r * LANE_QUADS + (i * 4u + o) * FLOAT_QUADS / 4u], q[r * LANE_QUADS + (i * 8u + o * 2u + 1u) * FLOAT_QUADS / 8u]);
                    else if (o < 2u) w[r] = eight_bytes(qa[r][o % 2u * 2u], qa[r][o % 2u * 2u + 1u], scales[r].xy);
                    else w[r] = eight_bytes(qb[r][o % 2u * 2u], qb[r][o % 2u * 2u + 1u], scales[r].zw);
                }
                UNROLL for (uint four = 0u; four < 2u; four++) {
                    UNROLL for (uint mi = 0u; mi < MS; mi++) {
                        A a = matrix_a(f16vec2[4](w[2u * mi].v[2u * four], w[2u * mi + 1u].v[2u * four], w[2u * mi].v[2u * four + 1u], w[2u * mi + 1u].v[2u * four + 1u]));
                        UNROLL for (uint n = 0u; n < NS; n++) {
                            B b = matrix_b(unpackFloat2x16(x[n][2u * four]), unpackFloat2x16(x[n][2u * four + 1u]));
                            multiply_add(a, b, sums[mi * NS + n]);
                        }
                    }
                }
            }
        }
    }
    [[unroll]] for (uint n = 0u; n < NS; n++) {
        [[unroll]] for (uint mi = 0u; mi < MS; mi++)
            [[unroll]] for (uint i = 0u; i < 4u; i++)
                part[(subgroup_index() * N + 2u * t + i % 2u) * ROWS + mi * 16u + g + 8u * (i / 2u)] = ELEMENT(sums[mi * NS + n], i);
        add_parts(n, token, tokens, m.cols);
    }
}

#else

#define Sum coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
const uint MS = ROWS / M, NS = TOKENS / N;
const uint STRIDE = 10u; // of a row in shared memory: 32 columns, and 16 bytes, which loads may want to be aligned to

shared f16vec4 weight_tile[SPLITS * ROWS * STRIDE];

f16vec4 four_bytes(uint q, vec2 scale_offset) {
    return f16vec4((bytes(q) * scale_offset.x + scale_offset.y) * enlarged());
}

// Leaves the products in result. All invocations return.
void product(Matrix m, uint first_row, uint token, uint tokens) {
    uint base = gl_SubgroupID * ROWS * STRIDE, stride = m.cols / 8u;
    Sum sums[MS * NS];
    [[unroll]] for (uint i = 0u; i < MS * NS; i++) sums[i] = Sum(0.0);
    // All subgroups come to each barrier: lavapipe's (Mesa 26.2) are of the workgroup, whatever they say.
    uint steps = m.cols / 32u;
    [[dont_unroll]] for (uint first = 0u; first < steps; first += SPLITS) {
        uint s = first + gl_SubgroupID;
        bool idle = s >= steps;
        uvec2 c = is_float_type() ? uvec2(32u * s, 32u * s + 16u) : step_columns(s);
        [[dont_unroll]] for (uint i = 0u; i < GROUPS && !idle; i++) {
            uint r = i * ROW_LANES + gl_SubgroupInvocationID, row = row_in(m, first_row + r), at = base + r * STRIDE;
            if (is_float_type()) {
                [[unroll]] for (uint j = 0u; j < 8u; j++) weight_tile[at + j] = f16vec4(float_at(m, row, 8u * s + j));
            } else {
                Head head = step_head(m, row, s);
                vec4 scales = step_scales(head, s);
                uvec4 qa, qb;
                step_bytes(m, row, head, s, qa, qb);
                [[unroll]] for (uint j = 0u; j < 4u; j++) {
                    weight_tile[at + j] = four_bytes(qa[j], scales.xy);
                    weight_tile[at + 4u + j] = four_bytes(qb[j], scales.zw);
                }
            }
        }
        subgroupMemoryBarrierShared();
        subgroupBarrier();
        [[dont_unroll]] for (uint k = 0u; k < 32u && !idle; k += K) {
            coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> w[MS];
            [[unroll]] for (uint i = 0u; i < MS; i++)
                coopMatLoad(w[i], weight_tile, base + i * M * STRIDE + k / 4u, STRIDE, gl_CooperativeMatrixLayoutRowMajor);
            uint column = (k < 16u ? c.x : c.y) + k % 16u;
            [[unroll]] for (uint n = 0u; n < NS; n++) {
                coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> x;
                coopMatLoad(x, x_halves, (token + n * N) * stride + column / 8u, stride, gl_CooperativeMatrixLayoutColumnMajor);
                [[unroll]] for (uint i = 0u; i < MS; i++) sums[i * NS + n] = coopMatMulAdd(w[i], x, sums[i * NS + n]);
            }
        }
        subgroupBarrier();
    }
    [[unroll]] for (uint n = 0u; n < NS; n++) {
        [[unroll]] for (uint i = 0u; i < MS; i++)
            coopMatStore(sums[i * NS + n], part, gl_SubgroupID * N * ROWS + i * M, ROWS, gl_CooperativeMatrixLayoutColumnMajor);
        add_parts(n, token, tokens, m.cols);
    }
}
#endif
