// What a GPU wants of accumulate (product.glsl): a lane has all loads of AHEAD steps in flight before
// it uses the first, since it is they that hide each other's latency. A span's steps come in the
// order of their places, in which those that share a quad are neighbours; how many are ahead is no
// matter of the order.
const uint STEPS = AHEAD > 0u ? AHEAD : 1u; // an array of none is not allowed
const uint PAIRS = (STEPS + 1u) / 2u; // of steps that share a quad
const uint FIRSTS = TYPE == F32 ? STEPS * 8u : TYPE == F16 ? STEPS * 4u : TYPE == BF16 ? STEPS * 4u : TYPE == Q2_K ? PAIRS : TYPE == Q3_K ? PAIRS : STEPS;
const uint HALVES = PAIRS > 1u ? 2u : 1u; // of the steps of a block: those of Q3_K and Q5_K share a second quad
const uint SECONDS = TYPE == Q8_0 ? STEPS : MLX_BITS == 8u ? STEPS : TYPE == Q6_K ? PAIRS : TYPE == Q3_K ? HALVES : TYPE == Q5_K ? HALVES : 1u;
const uint BLOCK_STEPS = (TYPE & MLX) != 0u ? MLX_GROUP / 32u : TYPE < Q2_K ? 1u : TYPE > Q6_K ? 1u : 8u;
const uint HEADS = STEPS > BLOCK_STEPS ? STEPS / BLOCK_STEPS : 1u;

// The j-th step from place first on, a multiple of STEPS.
uint span_step(uint first, uint j) {
    if (!shares_first() && !shares_second()) return first + j;
    uint p = (STEPS == 8u ? 0u : first % 8u) + j;
    return first / 8u * 8u + (p & 4u) + (p & 1u) * 2u + (p >> 1 & 1u);
}

// Adds every WORKERS-th span that lies in whole columns, from the begin-th on, and tells the step
// at which the rest begins.
uint accumulate_ahead(Matrix m, uint token, uint tokens, uint begin) {
    uint steps = step_count(m.cols);
    if (is_float_type()) steps = m.cols % 4u == 0u ? m.cols / 32u : 0u;
    steps = steps / SPAN * SPAN;
    [[dont_unroll]] for (uint span = begin * SPAN; span < steps; span += WORKERS * SPAN) {
        [[dont_unroll]] for (uint first = span; first < span + SPAN; first += STEPS) {
            uvec4 q[GROUPS * FIRSTS], r[GROUPS * SECONDS];
            Head head[GROUPS * HEADS];
            [[unroll]] for (uint g = 0u; g < GROUPS; g++) {
                [[unroll]] for (uint k = 0u; k < FIRSTS; k++)
                    q[g * FIRSTS + k] = quad_at(m, row[g], is_float_type() ? first * FLOAT_QUADS + k : first_quad(span_step(first, shares_first() ? 2u * k : k)));
                if (has_second())
                    [[unroll]] for (uint k = 0u; k < SECONDS; k++)
                        r[g * SECONDS + k] = quad_at(m, row[g], second_quad(span_step(first, has_8_bits() ? k : 2u * k)));
                if (!is_float_type())
                    [[unroll]] for (uint k = 0u; k < HEADS; k++)
                        head[g * HEADS + k] = step_head(m, row[g], first + k * BLOCK_STEPS);
            }
            [[unroll]] for (uint j = 0u; j < STEPS; j++) {
                if (is_float_type()) {
                    [[unroll]] for (uint i = 0u; i < 8u; i++)
                        [[unroll]] for (uint t = 0u; t < TOKENS; t++) {
                            vec4 xs = x4[min(token + t, tokens - 1u) * (m.cols / 4u) + (first + j) * 8u + i];
                            [[unroll]] for (uint g = 0u; g < GROUPS; g++)
                                acc[g * TOKENS + t] = dot_sum(acc[g * TOKENS + t], float_values(q[g * FIRSTS + (j * 8u + i) * FLOAT_QUADS / 8u], i), xs);
                        }
                    continue;
                }
                uint s = span_step(first, j);
                uvec2 c = step_columns(s);
                uvec4 qa[GROUPS], qb[GROUPS];
                vec4 scales[GROUPS];
                [[unroll]] for (uint g = 0u; g < GROUPS; g++) {
                    Head h = head[g * HEADS + j * HEADS / STEPS];
                    step_unpack(h, s, q[g * FIRSTS + (shares_first() ? j / 2u : j)], r[g * SECONDS + (has_8_bits() ? j : j / 2u % SECONDS)], qa[g], qb[g]);
                    scales[g] = step_scales(h, s);
                }
                SIGNED(qa, qb, scales)
                [[unroll]] for (uint t = 0u; t < TOKENS; t++) MULTIPLY(token, t, m.cols, c, qa, qb, scales)
            }
        }
    }
    return steps;
}
