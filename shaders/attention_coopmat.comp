#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
// Causal attention of one head of a tile of rows over one split of their sequence's positions, by
// cooperative matrices: FlashAttention-2, https://arxiv.org/abs/2307.08691, over the paged KV cache, a
// page at a time. Products are of f16, each row of q times the power of two that fits it; scores, their
// softmax and the sums are f32. A subgroup keeps q and the sums of M rows in registers, K and V go through
// shared memory, the next page being on its way meanwhile. Runs of rows and splits are as in
// attention_prefill.comp.
//
// What a row gets does not depend on the rows beside it: pages begin at multiples of PAGE, and one that
// it doesn't see adds weights of 0 and multiplies by 1.
// variant lanes: MATRIX_LANES, scores become weights where they are, in registers
// variant emulated: MATRIX_EMULATED, lanes without matrices, for tests
#ifdef MATRIX_EMULATED
#define MATRIX_LANES
#else
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#endif
#include "lanes.glsl"
#include "kv.glsl"
#include "rows.glsl"
#include "half_rows.glsl"

layout(constant_id = 2) const uint SUBGROUP = 32;
layout(constant_id = 3) const uint HEAD_DIM = 256;
layout(constant_id = 4) const uint PARTS = 1;   // subgroups of the same rows: each scores its share of a page, and sums its share of the dimensions
layout(constant_id = 5) const uint BUFFERS = 2; // 1: K and V take turns in shared memory
layout(constant_id = 6) const uint MERGE = 1;
layout(constant_id = 7) const uint M = 16; // matrices of q and weights are M × K, of K and V K × N
layout(constant_id = 8) const uint N = 8;
layout(constant_id = 9) const uint K = 16;
layout(constant_id = 10) const uint MATRIX_A = 0; // MatrixPlaces
layout(constant_id = 11) const uint MATRIX_SUM = 0;

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Pages { uint pages[]; };
layout(set = 0, binding = 2, std430) readonly buffer Q { vec4 q[]; };
layout(set = 0, binding = 3, std430) readonly buffer KCache { uvec4 k_cache[]; };
layout(set = 0, binding = 3, std430) readonly buffer KScales { float k_scales[]; };
layout(set = 0, binding = 4, std430) readonly buffer VCache { uvec4 v_cache[]; };
layout(set = 0, binding = 4, std430) readonly buffer VScales { float v_scales[]; };
layout(set = 0, binding = 5, std430) coherent buffer Partial { vec4 partial[]; };
layout(set = 0, binding = 6, std430) coherent buffer Done { uint done[]; };
layout(set = 0, binding = 7, std430) writeonly buffer Y { vec4 y[]; };
layout(set = 0, binding = 8, std430) buffer Halves { uint half_pairs[]; }; // blocked halves, a head a block
layout(set = 0, binding = 8, std430) buffer HalfQuads { uvec2 half_quads[]; };

layout(push_constant) uniform Push {
    uint heads;
    uint kv_heads;
    uint head_dim;
    uint max_pages;
    uint split;      // positions a split, a multiple of PAGE
    uint max_splits; // stride of partial
    float scale;
    uint rows;
    uint halves; // what is written: 0: y; 1: Halves, 2: in octets
} push;

const float LOWEST = -3.4e38, UNSEEN = -1e30; // so far apart that what is not seen weighs nothing
// Weights are exp(score - maximum) with a maximum so far below the row's greatest score that f16 has
// normal numbers for weights down to 2^-28 of the greatest, which is up to 2^14.
const float MARGIN = 9.7;

const uint STRIDE = HEAD_DIM / 8 + 1;              // octets of a position in shared memory: lines 8 apart stay in different banks
const uint ROWS = LANES / SUBGROUP / PARTS * M;    // of the workgroup
const uint UNITS = PAGE * (HEAD_DIM / KV_UNIT);    // of a page
const uint LOADS = (UNITS + LANES - 1) / LANES;
const uint KS = HEAD_DIM / K, SCORES = PAGE / N / PARTS, SUMS = HEAD_DIM / N / PARTS; // matrices of a subgroup
const uint Q_STRIDE = 5;                           // octets of 32 dimensions of q
const uint CACHED = BUFFERS * PAGE * STRIDE, QUERIES = ROWS * Q_STRIDE;
const uint VALUES = (BUFFERS - 1) * PAGE * STRIDE; // where V stands
const uint SCORE_STRIDE = PAGE + 4, WEIGHT_STRIDE = PAGE + 8;

shared uvec4 cached[CACHED > QUERIES ? CACHED : QUERIES]; // octets of f16
shared uint row_splits[ROWS]; // 0: a row of another run
shared uint limit[ROWS];      // positions that a row sees before the split ends
shared uint largest[ROWS];    // bits of the largest |q|, at the end of the largest |y|
shared float row_scale[ROWS]; // from products to scores
shared float maximum[ROWS], total[ROWS];
shared uint run_end, position_end;
shared uint finished[ROWS]; // how many splits a row had, of which this was the last
#ifdef MATRIX_LANES
const uint STAGED = LANES / SUBGROUP * M * N;
shared float staged[STAGED]; // [subgroup] a matrix of sums
#else
const uint STAGED = ROWS * SCORE_STRIDE > LANES / SUBGROUP * M * N ? ROWS * SCORE_STRIDE : LANES / SUBGROUP * M * N;
shared float staged[STAGED]; // [row][position] scores; at the end [subgroup] a matrix of sums
shared float16_t weights[ROWS * WEIGHT_STRIDE];
shared float rescale[ROWS];
#endif

#include "attention_merge.glsl"

// Puts a matrix of sums into shared memory.
#ifdef MATRIX_LANES
#define STAGE(s, at) UNROLL for (uint e = 0u; e < ELEMENTS; e++) staged[at + element_row(e) * N + element_column(e)] = ELEMENT(s, e);
#else
#define STAGE(s, at) coopMatStore(s, staged, at, N, gl_CooperativeMatrixLayoutRowMajor);
#endif

uvec4 ahead[LOADS]; // units on their way
float ahead_scale[LOADS];

// Begins to load the page at a unit. What lies behind its last token may be NaN.
void fetch(bool is_v, uint at, uint last) {
    [[unroll]] for (uint i = 0u; i < LOADS; i++) {
        uint e = min(i * LANES + gl_LocalInvocationID.x, UNITS - 1u);
        uint token = min(is_v ? e / (UNITS / PAGE) : e % PAGE, last), unit = is_v ? e % (UNITS / PAGE) : e / PAGE;
        ahead[i] = is_v ? v_cache[at + v_unit(token, unit, HEAD_DIM)] : k_cache[at + k_unit(token, unit)];
        if (KV == KV_Q8)
            ahead_scale[i] = is_v ? v_scales[4u * at + v_scale(token, unit / KV_UNITS, HEAD_DIM)] : k_scales[4u * at + k_scale(token, unit / KV_UNITS, HEAD_DIM)];
    }
}

uvec4 halves(vec4 lo, vec4 hi) { return uvec4(packHalf2x16(lo.xy), packHalf2x16(lo.zw), packHalf2x16(hi.xy), packHalf2x16(hi.zw)); }

// Puts them into shared memory, [position][octet].
void place(bool is_v) {
    uint base = is_v ? VALUES : 0u;
    [[unroll]] for (uint i = 0u; i < LOADS; i++) {
        uint e = i * LANES + gl_LocalInvocationID.x;
        if (e >= UNITS) continue;
        uint token = is_v ? e / (UNITS / PAGE) : e % PAGE, unit = is_v ? e % (UNITS / PAGE) : e / PAGE;
        uint to = base + token * STRIDE + unit * (KV_UNIT / 8u);
        if (KV == KV_Q8) {
            cached[to] = halves(kv_quad(ahead[i], 0u) * ahead_scale[i], kv_quad(ahead[i], 1u) * ahead_scale[i]);
            cached[to + 1u] = halves(kv_quad(ahead[i], 2u) * ahead_scale[i], kv_quad(ahead[i], 3u) * ahead_scale[i]);
        } else {
            cached[to] = ahead[i];
        }
    }
}

#ifdef MATRIX_EMULATED
uint subgroup_index() { return gl_LocalInvocationID.x / SUBGROUP; }
uint lane_index() { return gl_LocalInvocationID.x % SUBGROUP; }
#else
uint subgroup_index() { return gl_SubgroupID; }
uint lane_index() { return gl_SubgroupInvocationID; }
#endif
uint first_row() { return subgroup_index() / PARTS * M; } // of the subgroup

// Quads of q of a row of the workgroup; past the last one it is that once more.
uint q_at(uint tile, uint row) { return (min(tile + row, push.rows - 1u) * push.heads + gl_WorkGroupID.x) * (HEAD_DIM / 4u); }
float q_fit(uint row) { return half_scale(half_exponent(largest[row])); }
uvec2 q_halves(uint at, float fit) {
    vec4 v = q[at] * fit;
    return uvec2(half_bits(v.x) | half_bits(v.y) << 16, half_bits(v.z) | half_bits(v.w) << 16);
}

#ifdef MATRIX_EMULATED
#define UNROLL [[dont_unroll]]
#define Sum vec4
#define ELEMENT(s, i) s[i]
#define LENGTH(s) 4u
const uint ELEMENTS = 4;
shared float16_t emulated_weights[ROWS * PAGE];

#include "attention_emulated.glsl"
#else
#define UNROLL [[unroll]]
#define A coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA>
#define B coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB>
#define Sum coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
#ifdef MATRIX_LANES
#define LENGTH(s) ELEMENTS
#else
#define LENGTH(s) s.length()
#endif
#ifdef MATRIX_LANES
const uint ELEMENTS = N / 2; // that a lane holds of a matrix of scores or sums
#define ELEMENT(s, i) s[MATRIX_SUM >> (N == 8u ? 2u : 3u) * (i) & ELEMENTS - 1u]
uint element_row(uint i) { return lane_index() / 4u + 8u * (i / 2u % 2u); }
uint element_column(uint i) { return 2u * (lane_index() % 4u) + i % 2u + 8u * (i / 4u); }
#endif
#endif

// Whether the workgroup has the whole of a row.
bool is_whole(uint row) { return gl_WorkGroupID.y < row_splits[row] && (MERGE != 0u ? row_splits[row] : push.max_splits) == 1u; }

// Writes four columns of the head of a row.
void write(uint tile, uint row, uint column, vec4 v) {
    uint token = tile + row, words = push.heads * (HEAD_DIM / 2u), word = gl_WorkGroupID.x * (HEAD_DIM / 2u) + column / 2u;
    if (push.halves == 0u) {
        y[token * (words / 2u) + word / 2u] = v;
        return;
    }
    bool octets = push.halves == 2u;
    v *= half_scale(half_exponent(largest[row]));
    if (octets) v = v.xzyw;
    half_quads[half_at(token, words, word, octets) / 2u] = uvec2(half_bits(v.x) | half_bits(v.y) << 16, half_bits(v.z) | half_bits(v.w) << 16);
}

uint most_of(vec4 v) {
    uvec4 u = floatBitsToUint(v) & 0x7fffffffu;
    return max(max(u.x, u.y), max(u.z, u.w));
}

vec4 staged_quad(uint at) { return vec4(staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u]); }

// Rows of the workgroup from first on, which are of one sequence; gives where those end.
uint attend(uint tile, uint first, uint count) {
    uint head = gl_WorkGroupID.x, split = gl_WorkGroupID.y, lane = gl_LocalInvocationID.x;
    uint begin = split * push.split, sequence = rows[tile + first].sequence;
    if (lane == 0u) {
        run_end = count;
        position_end = 0u;
    }
    barrier();
    for (uint i = first + 1u + lane; i < count; i += LANES)
        if (rows[tile + i].sequence != sequence) atomicMin(run_end, i);
    barrier();
    uint last = run_end;
    for (uint i = lane; i < ROWS; i += LANES) {
        bool in_run = i >= first && i < last;
        uint position = rows[min(tile + i, push.rows - 1u)].position;
        row_splits[i] = in_run ? position / push.split + 1u : 0u;
        limit[i] = in_run ? min(position + 1u, begin + push.split) : 0u;
        largest[i] = 0u;
        atomicMax(position_end, limit[i]);
    }
    barrier();
    uint end = position_end;
    if (begin >= end) return last;

    uint kv = head / (push.heads / push.kv_heads), table = sequence * push.max_pages;
    uint at = kv_head(pages[table + begin / PAGE], kv, push.kv_heads, HEAD_DIM);
    fetch(false, at, end - 1u - begin);
    for (uint i = lane / 8u; i < ROWS; i += LANES / 8u) {
        uint from = q_at(tile, i), most = 0u;
        [[unroll]] for (uint d = 0u; d < HEAD_DIM / 4u; d += 8u) {
            most = max(most, most_of(q[from + d + lane % 8u]));
        }
        atomicMax(largest[i], most);
    }
    barrier();
    for (uint i = lane; i < ROWS; i += LANES) row_scale[i] = uintBitsToFloat(half_factor(largest[i])) * push.scale;
    uint row0 = first_row();
#ifndef MATRIX_EMULATED
    A queries[KS];
    [[unroll]] for (uint pass = 0u; pass < HEAD_DIM / 32u; pass++) { // 32 dimensions of q through shared memory
        [[unroll]] for (uint n = 0u; n < (ROWS * 4u + LANES - 1u) / LANES; n++) { // without a constant bound the loop around it stays one
            uint i = n * LANES + lane;
            if (i < ROWS * 4u) {
                uint row = i / 4u, from = q_at(tile, row) + pass * 8u + i % 4u * 2u;
                float fit = q_fit(row);
                cached[row * Q_STRIDE + i % 4u] = uvec4(q_halves(from, fit), q_halves(from + 1u, fit));
            }
        }
        barrier();
        [[unroll]] for (uint k = 0u; k < 32u / K; k++)
            coopMatLoad(queries[pass * (32u / K) + k], cached, row0 * Q_STRIDE + k * (K / 8u), Q_STRIDE, gl_CooperativeMatrixLayoutRowMajor);
        barrier();
    }
#endif
    Sum sums[SUMS];
    [[unroll]] for (uint t = 0u; t < SUMS; t++) sums[t] = Sum(0.0);
    place(false);
    barrier();
    uint part = subgroup_index() % PARTS;
#ifdef MATRIX_LANES
    uint row1 = row0 + element_row(0u), row2 = row1 + 8u;
    uvec2 sees = uvec2(limit[row1], limit[row2]);
    vec2 scale = vec2(row_scale[row1], row_scale[row2]), most = vec2(UNSEEN), all = vec2(0.0);
#else
    const uint ROW_LANES = LANES / ROWS, POSITIONS = PAGE / ROW_LANES; // of the softmax of a row, and of a lane of it
    uint row = lane / ROW_LANES, position = lane % ROW_LANES * POSITIONS, sees = limit[row];
    float scale = row_scale[row], most = UNSEEN, all = 0.0;
#endif

    [[dont_unroll]] for (uint base = begin; base < end; base += PAGE) {
        at = kv_head(pages[table + base / PAGE], kv, push.kv_heads, HEAD_DIM);
        fetch(true, at, end - 1u - base);
        Sum scores[SCORES];
        UNROLL for (uint c = 0u; c < SCORES; c++) scores[c] = Sum(0.0);
#ifdef MATRIX_EMULATED
        UNROLL for (uint c = 0u; c < SCORES; c++) scores[c] = emulated_scores(tile, c);
#else
        [[unroll]] for (uint k = 0u; k < KS; k++) {
            [[unroll]] for (uint c = 0u; c < SCORES; c++) {
                B keys;
                coopMatLoad(keys, cached, (part * SCORES + c) * N * STRIDE + k * (K / 8u), STRIDE, gl_CooperativeMatrixLayoutColumnMajor);
                scores[c] = coopMatMulAdd(queries[k], keys, scores[c]);
            }
        }
#endif
        if (BUFFERS == 2u) place(true);
#ifdef MATRIX_LANES
        if (BUFFERS == 1u) {
            barrier();
            place(true);
        }
        bool edge = base + PAGE > min(sees.x, sees.y);
        vec2 greatest = vec2(LOWEST);
        UNROLL for (uint c = 0u; c < SCORES; c++) {
            UNROLL for (uint i = 0u; i < ELEMENTS; i++) {
                uint half_row = i / 2u % 2u;
                float s = ELEMENT(scores[c], i) * scale[half_row];
                if (edge && base + c * N + element_column(i) >= sees[half_row]) s = LOWEST;
                ELEMENT(scores[c], i) = s;
                greatest[half_row] = max(greatest[half_row], s);
            }
        }
        greatest = max(greatest, vec2(subgroupShuffleXor(greatest.x, 1u), subgroupShuffleXor(greatest.y, 1u)));
        greatest = max(greatest, vec2(subgroupShuffleXor(greatest.x, 2u), subgroupShuffleXor(greatest.y, 2u)));
        vec2 now = max(most, greatest - MARGIN), factor = exp(most - now);
        most = now;
        all *= factor;
        UNROLL for (uint t = 0u; t < SUMS; t++)
            UNROLL for (uint i = 0u; i < ELEMENTS; i++) ELEMENT(sums[t], i) *= factor[i / 2u % 2u];
#ifndef MATRIX_EMULATED
        A weights[PAGE / K];
#endif
        UNROLL for (uint e = 0u; e < PAGE / 2u; e++) { // elements of A: rows g, g and g+8, g+8, eight columns on
            uint half_row = e / 2u % 2u;
            float w = exp(ELEMENT(scores[e / ELEMENTS], e % ELEMENTS) - most[half_row]);
            all[half_row] += w;
#ifdef MATRIX_EMULATED
            emulated_weights[(row0 + element_row(e)) * PAGE + e / ELEMENTS * N + element_column(e % ELEMENTS)] = float16_t(w);
#else
            weights[e / 8u][MATRIX_A >> 3u * (e % 8u) & 7u] = float16_t(w);
#endif
        }
#else
        [[unroll]] for (uint c = 0u; c < SCORES; c++)
            coopMatStore(scores[c], staged, row0 * SCORE_STRIDE + (part * SCORES + c) * N, SCORE_STRIDE, gl_CooperativeMatrixLayoutRowMajor);
        barrier();
        if (BUFFERS == 1u) place(true);
        float s[POSITIONS], greatest = LOWEST, sum = 0.0;
        [[unroll]] for (uint i = 0u; i < POSITIONS; i++) {
            s[i] = base + position + i < sees ? staged[row * SCORE_STRIDE + position + i] * scale : LOWEST;
            greatest = max(greatest, s[i]);
        }
        [[unroll]] for (uint d = 1u; d < ROW_LANES; d *= 2u) greatest = max(greatest, subgroupShuffleXor(greatest, d));
        float now = max(most, greatest - MARGIN), factor = exp(most - now);
        most = now;
        [[unroll]] for (uint i = 0u; i < POSITIONS; i++) {
            float w = exp(s[i] - now);
            sum += w;
            weights[row * WEIGHT_STRIDE + position + i] = float16_t(w);
        }
        [[unroll]] for (uint d = 1u; d < ROW_LANES; d *= 2u) sum += subgroupShuffleXor(sum, d);
        all = all * factor + sum;
        if (lane % ROW_LANES == 0u) rescale[row] = factor;
#endif
        barrier();
        bool more = base + PAGE < end;
        if (more) {
            at = kv_head(pages[table + base / PAGE + 1u], kv, push.kv_heads, HEAD_DIM);
            fetch(false, at, end - 1u - base - PAGE);
        }
#ifdef MATRIX_EMULATED
        UNROLL for (uint t = 0u; t < SUMS; t++) sums[t] = emulated_values(sums[t], t);
#else
#ifndef MATRIX_LANES
        Sum factors; // whose columns are all the rows' factors
        coopMatLoad(factors, rescale, row0, 0u, gl_CooperativeMatrixLayoutColumnMajor);
        [[unroll]] for (uint t = 0u; t < SUMS; t++) sums[t] *= factors;
#endif
        [[unroll]] for (uint k = 0u; k < PAGE / K; k++) {
#ifdef MATRIX_LANES
            A w = weights[k];
#else
            A w;
            coopMatLoad(w, weights, row0 * WEIGHT_STRIDE + k * K, WEIGHT_STRIDE, gl_CooperativeMatrixLayoutRowMajor);
#endif
            [[unroll]] for (uint t = 0u; t < SUMS; t++) {
                B values;
                coopMatLoad(values, cached, VALUES + k * K * STRIDE + (part * SUMS + t) * (N / 8u), STRIDE, gl_CooperativeMatrixLayoutRowMajor);
                sums[t] = coopMatMulAdd(w, values, sums[t]);
            }
        }
#endif
        if (BUFFERS == 1u) barrier();
        if (more) place(false);
        barrier();
    }

#ifdef MATRIX_LANES
    all += vec2(subgroupShuffleXor(all.x, 1u), subgroupShuffleXor(all.y, 1u));
    all += vec2(subgroupShuffleXor(all.x, 2u), subgroupShuffleXor(all.y, 2u));
    if (lane_index() % 4u == 0u) {
        maximum[row1] = most.x;
        maximum[row2] = most.y;
        total[row1] = all.x;
        total[row2] = all.y;
    }
#else
    if (lane % ROW_LANES == 0u) {
        maximum[row] = most;
        total[row] = all;
    }
#endif
    barrier();
    for (uint i = lane; i < ROWS; i += LANES) largest[i] = 0u;
    barrier();
    // A matrix of sums at a time through shared memory, from where a lane takes quads.
    const uint QUADS = M * N / 4u;
    uint stage = subgroup_index() * M * N, stride = 1u + HEAD_DIM / 4u;
    if (push.halves != 0u) {
        Sum greatest = Sum(0.0); // of all matrices, element by element, as bits
        UNROLL for (uint t = 0u; t < SUMS; t++)
            UNROLL for (uint i = 0u; i < LENGTH(greatest); i++)
                greatest[i] = uintBitsToFloat(max(floatBitsToUint(greatest[i]), floatBitsToUint(sums[t][i]) & 0x7fffffffu));
        STAGE(greatest, stage)
        barrier();
        for (uint i = lane_index(); i < QUADS; i += SUBGROUP) {
            uint row = row0 + i / (N / 4u);
            if (is_whole(row)) atomicMax(largest[row], most_of(staged_quad(stage + 4u * i) / total[row]));
        }
        barrier();
    }
    UNROLL for (uint t = 0u; t < SUMS; t++) {
        STAGE(sums[t], stage)
        barrier();
        UNROLL for (uint n = 0u; n < (QUADS + SUBGROUP - 1u) / SUBGROUP; n++) {
            uint i = n * SUBGROUP + lane_index(), row = row0 + i / (N / 4u), column = (part * SUMS + t) * N + i % (N / 4u) * 4u;
            vec4 v = staged_quad(stage + 4u * min(i, QUADS - 1u));
            bool mine = i < QUADS;
            if (mine && is_whole(row)) {
                write(tile, row, column, v / total[row]);
            } else if (mine && split < row_splits[row]) {
                uint to = (((tile + row) * push.heads + head) * push.max_splits + split) * stride;
                partial[to + 1u + column / 4u] = v;
                if (column == 0u) partial[to] = vec4(maximum[row], total[row], 0.0, 0.0);
            }
        }
        barrier();
    }
    for (uint i = lane; i < ROWS; i += LANES) finished[i] = is_whole(i) ? 1u : 0u;
    if (MERGE != 0u && push.max_splits > 1u) {
        memoryBarrierBuffer();
        barrier();
        for (uint i = lane; i < ROWS; i += LANES) {
            uint splits = row_splits[i];
            if (splits > 1u && split < splits && atomicAdd(done[(tile + i) * push.heads + head], 1u) + 1u == splits) {
                finished[i] = splits;
                done[(tile + i) * push.heads + head] = 0u;
            }
        }
        barrier();
        memoryBarrierBuffer();
        for (uint i = lane; i < ROWS * (HEAD_DIM / 4u); i += LANES) {
            uint row = i / (HEAD_DIM / 4u), quad = i % (HEAD_DIM / 4u);
            if (finished[row] < 2u) continue;
            uint from = ((tile + row) * push.heads + head) * push.max_splits * stride;
            vec4 v = merged_quad(from, finished[row], HEAD_DIM, quad, greatest_of_splits(from, finished[row], HEAD_DIM));
            if (push.halves == 0u) {
                write(tile, row, 4u * quad, v);
            } else {
                atomicMax(largest[row], most_of(v));
                partial[from + 1u + quad] = v; // which only this lane has read
            }
        }
        barrier();
        for (uint i = lane; i < ROWS * (HEAD_DIM / 4u) && push.halves != 0u; i += LANES) {
            uint row = i / (HEAD_DIM / 4u), quad = i % (HEAD_DIM / 4u);
            if (finished[row] > 1u) write(tile, row, 4u * quad, partial[((tile + row) * push.heads + head) * push.max_splits * stride + 1u + quad]);
        }
    }
    if (push.halves == 0u) return last;

    barrier();
    uint factors = half_factor_at(0u, push.rows, push.heads * (HEAD_DIM / 2u), push.halves == 2u);
    for (uint i = lane; i < ROWS; i += LANES) {
        if (finished[i] == 0u) continue;
        atomicMax(half_pairs[factors + tile + i], largest[i]);
        half_pairs[half_block_at(tile + i, push.rows, push.heads, head, factors)] = half_factor(largest[i]);
    }
    return last;
}

void main() {
    // Later tiles see more: they begin first.
    uint tile = (gl_NumWorkGroups.z - 1u - gl_WorkGroupID.z) * ROWS, count = min(ROWS, push.rows - tile);
    for (uint first = 0u; first < count;) {
        first = attend(tile, first, count);
        barrier(); // shared memory is used again
    }
}
