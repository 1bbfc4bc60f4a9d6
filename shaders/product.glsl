// The product of weights and activations that a workgroup computes: ROWS rows of W for
// TOKENS tokens. A lane takes GROUPS rows, ROW_LANES apart, so that lanes side by side
// read weights side by side and share each load of x; where the device wants more
// invocations than rows, SPLITS lanes share a row's steps, and where one workgroup is not
// enough, GRID_SPLITS workgroups do. The order of summation depends on neither the other
// rows nor the other tokens: a sequence's numbers are the same bits in a batch of any size.
//
// interface product: 9 push constants, 11 specialization constants
#include "weights.glsl"
#if defined(MATRIX_LANES) || defined(MATRIX_SHARED) || defined(MATRIX_EMULATED)
#define MATRICES
#endif
#ifdef QUAD
#extension GL_KHR_shader_subgroup_quad : require
#endif
#ifdef INT_DOT
#extension GL_EXT_integer_dot_product : require
#endif
#extension GL_EXT_control_flow_attributes : require

layout(constant_id = 2) const uint ROW_LANES = 32;
layout(constant_id = 3) const uint GROUPS = 1;
layout(constant_id = 4) const uint TOKENS = 1;
layout(constant_id = 5) const uint SPAN = 2;     // steps that a lane takes together: those of a block share its head
layout(constant_id = 6) const uint IN_PLACE = 0; // 1: bytes become floats where they lie in their word, and x is scaled instead (CPUs)
layout(constant_id = 7) const uint AHEAD = 0;    // steps whose loads come before the first use, of several blocks too; divides SPAN (GPUs; 0: loads where they are used)
layout(constant_id = 8) const uint MATRIX_A = 16; // of matrices.glsl: MatrixPlaces, or M, N and K of matrices M × K times K × N
layout(constant_id = 9) const uint MATRIX_B = 16;
layout(constant_id = 10) const uint MATRIX_SUM = 16;
#ifdef SPLITS_GRID
layout(constant_id = 11) const uint GRID_SPLITS = 1;
#else
const uint GRID_SPLITS = 1u;
#endif

const uint ROWS = ROW_LANES * GROUPS, SPLITS = LANES / ROW_LANES;
const uint TOGETHER = SPLITS > 8u ? 1u : TOKENS < 4u ? TOKENS : 4u; // tokens whose parts lie in shared memory at a time

#define PRODUCT_PUSH \
    uint rows;      /* of this part */ \
    uint cols;      \
    uint row_quads; \
    uint row_words; \
    uint second;    \
    uint row0;      /* of this part in the whole */ \
    uint tokens;    \
    uint first;     /* token of x */ \
    uint from;      /* token that this dispatch begins with */

#define MATRIX(push) Matrix(push.rows, push.cols, push.row_quads, push.row_words, push.second)

layout(set = 0, binding = 1, std430) readonly restrict buffer X { float x[]; };
layout(set = 0, binding = 1, std430) readonly restrict buffer X4 { vec4 x4[]; };
layout(set = 0, binding = 1, std430) readonly restrict buffer XInts { ivec4 x_ints[]; }; // as quantize.glsl writes them

shared float result[TOKENS * ROWS]; // [token][row]

#ifdef MATRICES
#include "matrices.glsl"
#else
shared float part[SPLITS > 1u ? SPLITS * TOGETHER * ROWS : 1u];

vec4 placed(vec4 v) { return IN_PLACE != 0u ? v * vec4(1.0, 1.0 / 256.0, 1.0 / 65536.0, 1.0) : v; }

vec4 values(uint word) {
    return IN_PLACE != 0u ? vec4(word & 0xffu, word & 0xff00u, word & 0xff0000u, word >> 24) : bytes(word);
}

float sum4(vec4 v) { return (v.x + v.y) + (v.z + v.w); }

// Columns c to c+15 of x, and their sum.
void load_x(uint token, uint cols, uint c, out vec4 v[4], out float sum) {
    uint at = (token * cols + c) / 4u;
#ifdef QUAD
    uint i = gl_SubgroupInvocationID & 3u;
    vec4 mine = x4[at + i];
    sum = sum4(mine);
    sum += subgroupQuadSwapHorizontal(sum);
    sum += subgroupQuadSwapVertical(sum);
    mine = placed(mine);
    v[0] = subgroupQuadBroadcast(mine, 0u);
    v[1] = subgroupQuadBroadcast(mine, 1u);
    v[2] = subgroupQuadBroadcast(mine, 2u);
    v[3] = subgroupQuadBroadcast(mine, 3u);
#else
    [[unroll]] for (uint i = 0u; i < 4u; i++) v[i] = x4[at + i];
    sum = (sum4(v[0]) + sum4(v[1])) + (sum4(v[2]) + sum4(v[3]));
    [[unroll]] for (uint i = 0u; i < 4u; i++) v[i] = placed(v[i]);
#endif
}

float dot_sum(float sum, vec4 a, vec4 b) {
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

#ifdef INT_DOT
// Bytes as signed numbers: those of 7 bits and less already are.
void to_signed(inout uvec4 a, inout uvec4 b, inout vec4 scales) {
    if (!has_8_bits()) return;
    a ^= 0x80808080u;
    b ^= 0x80808080u;
    scales += 128.0 * scales.xxzz * vec4(0.0, 1.0, 0.0, 1.0);
}

// The dot product with a block of x, at most 16 * 128 * 32512.
int dot16(uvec4 a, ivec4 high, ivec4 low) {
    int h = 0, l = 0;
    [[unroll]] for (uint i = 0u; i < 4u; i++) {
        h += dotPacked4x8EXT(int(a[i]), high[i]);
        l += dotPacked4x8EXT(int(a[i]), low[i]);
    }
    return 256 * h + l;
}
#endif

// Columns c to c+3 of x, zero past the last one.
vec4 ragged_x(uint token, uint cols, uint c) {
    uint at = token * cols + c;
    if (c + 4u <= cols && cols % 4u == 0u) return x4[at / 4u];
    vec4 v = vec4(0.0);
    if (c < cols) v.x = x[at];
    if (c + 1u < cols) v.y = x[at + 1u];
    if (c + 2u < cols) v.z = x[at + 2u];
    if (c + 3u < cols) v.w = x[at + 3u];
    return v;
}

uint row[GROUPS]; // this lane's
float acc[GROUPS * TOKENS];

#ifdef INT_DOT
#define SIGNED(qa, qb, scales) [[unroll]] for (uint g = 0u; g < GROUPS; g++) to_signed(qa[g], qb[g], scales[g]);
#define MULTIPLY(token, t, cols, c, qa, qb, scales) { \
    uvec2 at = 3u * ((min(token + t, tokens - 1u) * cols + c) / 16u); \
    ivec4 xa = x_ints[at.x], la = x_ints[at.x + 1u], xb = x_ints[at.y], lb = x_ints[at.y + 1u]; \
    vec2 sa = intBitsToFloat(x_ints[at.x + 2u].xy), sb = intBitsToFloat(x_ints[at.y + 2u].xy); /* scale, sum */ \
    [[unroll]] for (uint g = 0u; g < GROUPS; g++) { \
        uint to = g * TOKENS + t; \
        acc[to] = fma(scales[g].x * sa.x, float(dot16(qa[g], xa, la)), fma(scales[g].y, sa.y, acc[to])); \
        acc[to] = fma(scales[g].z * sb.x, float(dot16(qb[g], xb, lb)), fma(scales[g].w, sb.y, acc[to])); \
    } \
}
#else
#define SIGNED(qa, qb, scales)
#define MULTIPLY(token, t, cols, c, qa, qb, scales) { \
    vec4 xa[4], xb[4]; \
    float suma, sumb; \
    load_x(min(token + t, tokens - 1u), cols, c.x, xa, suma); \
    load_x(min(token + t, tokens - 1u), cols, c.y, xb, sumb); \
    [[unroll]] for (uint g = 0u; g < GROUPS; g++) { \
        float da = 0.0, db = 0.0; \
        [[unroll]] for (uint i = 0u; i < 4u; i++) { \
            da = dot_sum(da, values(qa[g][i]), xa[i]); \
            db = dot_sum(db, values(qb[g][i]), xb[i]); \
        } \
        uint to = g * TOKENS + t; \
        acc[to] = fma(scales[g].x, da, fma(scales[g].y, suma, acc[to])); \
        acc[to] = fma(scales[g].z, db, fma(scales[g].w, sumb, acc[to])); \
    } \
}
#endif

const uint WORKERS = SPLITS * GRID_SPLITS; // which share a row's steps

// Adds every WORKERS-th span of steps, from the begin-th behind step from on. token: the first one
// of x, tokens: how many x has.
void accumulate(Matrix m, uint token, uint tokens, uint from, uint begin) {
    uint steps = step_count(m.cols);
    if (is_float_type()) {
        [[dont_unroll]] for (uint s = from + begin; s < steps; s += WORKERS) {
            [[dont_unroll]] for (uint i = 0u; i < 8u; i++) { // drivers take half a minute for all eight
                vec4 v[GROUPS];
                [[unroll]] for (uint g = 0u; g < GROUPS; g++) v[g] = float_at(m, row[g], s * 8u + i);
                [[unroll]] for (uint t = 0u; t < TOKENS; t++) {
                    vec4 xs = ragged_x(min(token + t, tokens - 1u), m.cols, s * 32u + i * 4u);
                    [[unroll]] for (uint g = 0u; g < GROUPS; g++)
                        acc[g * TOKENS + t] = dot_sum(acc[g * TOKENS + t], v[g], xs);
                }
            }
        }
        return;
    }
    uint span = min(SPAN, block_steps());
    [[dont_unroll]] for (uint first = from + begin * span; first < steps; first += WORKERS * span) {
        Head head[GROUPS];
        [[unroll]] for (uint g = 0u; g < GROUPS; g++) head[g] = step_head(m, row[g], first);
        [[dont_unroll]] for (uint s = first; s < first + span; s++) {
            uvec2 c = step_columns(s);
            uvec4 qa[GROUPS], qb[GROUPS];
            vec4 scales[GROUPS];
            [[unroll]] for (uint g = 0u; g < GROUPS; g++) {
                step_bytes(m, row[g], head[g], s, qa[g], qb[g]);
                scales[g] = step_scales(head[g], s);
            }
            SIGNED(qa, qb, scales)
            [[unroll]] for (uint t = 0u; t < TOKENS; t++) MULTIPLY(token, t, m.cols, c, qa, qb, scales)
        }
    }
}

#include "ahead.glsl"

// Leaves the products in result. All invocations return.
void product(Matrix m, uint first_row, uint token, uint tokens) {
    uint lane = gl_LocalInvocationID.x % ROW_LANES, split = gl_LocalInvocationID.x / ROW_LANES;
    uint last = (m.rows - 1u) / TILE; // a tile past the end is the last one once more
    [[unroll]] for (uint g = 0u; g < GROUPS; g++) {
        uint r = first_row + g * ROW_LANES + lane;
        row[g] = min(r / TILE, last) * TILE + r % TILE;
    }
    [[unroll]] for (uint i = 0u; i < GROUPS * TOKENS; i++) acc[i] = 0.0;
    uint worker = gl_WorkGroupID.z % GRID_SPLITS * SPLITS + split;
    uint from = AHEAD != 0u ? accumulate_ahead(m, token, tokens, worker) : 0u;
    if (AHEAD == 0u || !is_kquant()) accumulate(m, token, tokens, from, worker);

    if (SPLITS == 1u) {
        [[unroll]] for (uint g = 0u; g < GROUPS; g++)
            [[unroll]] for (uint t = 0u; t < TOKENS; t++) result[t * ROWS + g * ROW_LANES + lane] = acc[g * TOKENS + t];
        barrier();
        return;
    }
    [[unroll]] for (uint from = 0u; from < TOKENS; from += TOGETHER) {
        [[unroll]] for (uint t = 0u; t < TOGETHER; t++)
            [[unroll]] for (uint g = 0u; g < GROUPS; g++)
                part[(split * TOGETHER + t) * ROWS + g * ROW_LANES + lane] = acc[g * TOKENS + from + t];
        barrier();
        for (uint i = gl_LocalInvocationID.x; i < TOGETHER * ROWS; i += LANES) {
            float sum = part[i];
            for (uint s = 1u; s < SPLITS; s++) sum += part[s * TOGETHER * ROWS + i];
            result[from * ROWS + i] = sum;
        }
        barrier();
    }
}
#endif
