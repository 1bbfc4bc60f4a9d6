#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// y[t][row0+r] (+)= sum over k of W[r][k] * x[t][k] for many tokens, by cooperative matrices whose elements a lane
// knows (matrix_weights.glsl): weights become f16 in the registers of the lanes that loaded them, x is in
// octets, and sums are written where they are. A workgroup computes a tile of ROWS × TOKENS values, each
// subgroup PART_ROWS × PART_TOKENS of it. They go through the columns in turns of 128, in which each four
// lanes of a row take a step of 32 each: the order of summation depends neither on the tile nor on the
// other rows and tokens.
//
// BUFFERS 0: lanes load x from memory, which subgroups of many rows and tokens do seldom, and nothing waits for
//   others. 1, 2: the workgroup has half a turn of x in shared memory.
// AHEAD 1: a turn's weights are on their way while the one before is computed.
// BLOCK: x is blocked halves of so many columns, a multiple of 16 (half_rows.glsl).
// GEGLU 1: y is gelu(gate · x) × (up · x) as blocked halves, the rows being in the order of GateUpRow (layout.go): in each tile
//   rows 16 apart, which the same lane has, are gate and up of one value. A tile's 16 values are a block.
//
// variant emulated: MATRIX_EMULATED, without matrices, for tests
#ifndef MATRIX_EMULATED
#define MATRIX_LANES
#endif
#include "lanes.glsl"
#include "weights.glsl"

layout(constant_id = 2) const uint ROWS = 64;
layout(constant_id = 3) const uint TOKENS = 64;
layout(constant_id = 4) const uint PART_ROWS = 32;
layout(constant_id = 5) const uint PART_TOKENS = 32;
layout(constant_id = 6) const uint BUFFERS = 0;
layout(constant_id = 7) const uint AHEAD = 1;
layout(constant_id = 8) const uint MATRIX_A = 0; // MatrixPlaces
layout(constant_id = 9) const uint MATRIX_B = 0;
layout(constant_id = 10) const uint MATRIX_SUM = 0;

layout(constant_id = 11) const uint GEGLU = 0;
layout(constant_id = 12) const uint BLOCK = 0;

const uint SUBGROUPS = LANES / 32u;
#include "matrix_weights.glsl"
// Lanes of a subgroup wait for each other.
#ifdef MATRIX_EMULATED
void meet() { barrier(); }
#else
void meet() {
    subgroupMemoryBarrierShared();
    subgroupBarrier();
}
#endif
#include "gelu.glsl"

layout(set = 0, binding = 1, std430) readonly restrict buffer X { uint x_most[]; };
layout(set = 0, binding = 2, std430) buffer Y { float y[]; };
layout(set = 0, binding = 2, std430) buffer YHalves { uint y_halves[]; };

layout(push_constant) uniform Push { // as that of tiles.glsl
    uint rows;
    uint cols;
    uint row_quads;
    uint row_words;
    uint second;
    uint row0;    // first row of this part of the matrix in y, or with GEGLU in the matrix
    uint stride;  // of a token in y; with GEGLU its columns
    uint tokens;
    uint first;   // of no meaning: octets begin with the first token
    uint factors; // word of x at which the tokens' factors begin
    uint steps;   // turns of a split
    uint add;     // 1: add to y (residual)
    uint octets;  // 1: with GEGLU, y is in octets
} push;

const uint LANE_ROWS = PART_ROWS / 8u, MS = PART_ROWS / 16u, NS = PART_TOKENS / 8u;
const uint PART_COLUMN = ROWS / PART_ROWS; // subgroups above each other
const uint X_LOADS = TOKENS * 8u / LANES;  // of a lane, for half a turn

const uint PAIR = TILE / 2u;

shared uvec4 x_tile[BUFFERS != 0u ? BUFFERS * TOKENS * 8u : 1u];
const uint PAIR_QUADS = PAIR / 4u + 1u; // one more than there are: else all tokens are in the same banks
shared vec4 pairs[GEGLU != 0u ? SUBGROUPS * 8u * PAIR_QUADS : 1u]; // [subgroup][token][column]
shared uint tile_most[GEGLU != 0u ? TOKENS : 1u];

Matrix matrix;
uint rows[LANE_ROWS]; // this lane's
uvec4 q[LANE_ROWS], q2[LANE_ROWS], next_q[LANE_ROWS], next_q2[LANE_ROWS];
Head head[LANE_ROWS];
HeadWords next_head[LANE_ROWS];
f16vec4 scales[LANE_ROWS];
uvec4 next_x[BUFFERS != 0u ? X_LOADS : 1u];
float next_factor[BUFFERS != 0u ? X_LOADS : 1u]; // of its block
uint most[BUFFERS != 0u ? X_LOADS : 1u]; // of its token
Sum sums[MS * NS];

// Of the grid's tiles those of the same rows come one after the other: they share the
// weights, which are more than the x of all tokens.
uint token_tiles() { return (push.tokens + TOKENS - 1u) / TOKENS; }
uint row_tiles() { return (push.rows + ROWS - 1u) / ROWS; }

// The quads of step s that bytes come from; floats are loaded octet by octet.
void fetch(uint s) {
    if (is_float_type()) return;
    [[unroll]] for (uint r = 0u; r < LANE_ROWS; r++) {
        next_q[r] = quad_at(matrix, rows[r], first_quad(s));
        if (has_second()) next_q2[r] = quad_at(matrix, rows[r], second_quad(s));
        next_head[r] = head_words(matrix, rows[r], s);
    }
}

// The first column of octet o of step s.
uint octet_column(uint s, uint o) {
    uvec2 c = is_float_type() ? uvec2(32u * s, 32u * s + 16u) : step_columns(s);
    return (o < 2u ? c.x : c.y) + o % 2u * 8u;
}

// An octet of a token's x; groups of 8 tokens past the last are that once more.
uvec4 x_octet(uint group, uint column, uint in_group) {
    return x_halves[(min(group, (push.tokens - 1u) / 8u) * (push.cols / 8u) + column / 8u) * 8u + in_group];
}

// The factor of its block, and the largest value of its token.
float block_factor(uint group, uint column, uint in_group) {
    uint token = min(group * 8u + in_group, push.tokens - 1u), blocks = (push.cols + BLOCK - 1u) / BLOCK;
    return x_factors[half_block_at(token, push.tokens, blocks, column / BLOCK, push.factors)];
}
uint token_most(uint group, uint in_group) { return x_most[push.factors + min(group * 8u + in_group, push.tokens - 1u)]; }

uvec4 times(uvec4 v, f16vec2 ratio) {
    [[unroll]] for (uint i = 0u; i < 4u; i++) v[i] = packFloat2x16(unpackFloat2x16(v[i]) * ratio.x * ratio.y);
    return v;
}

// Where the octet of a lane's step and of a token stands among 32 in shared memory: neighbours in memory store eight
// tokens of a step side by side, those that compute load four steps of two tokens, and neither meets in a bank.
uint in_tile(uint step, uint token) { return step * 8u + (token ^ 2u * step); }

// Two octets of each step of a turn: [group of 8 tokens][octet][lane's step][token].
void fetch_x(uint token0, uint turn, uint first_octet) {
    [[unroll]] for (uint j = 0u; j < X_LOADS; j++) {
        uint i = gl_LocalInvocationID.x + j * LANES;
        uint group = token0 / 8u + i / 64u, column = octet_column(4u * turn + i / 8u % 4u, first_octet + i / 32u % 2u);
        next_x[j] = x_octet(group, column, i % 8u);
        if (BLOCK != 0u) next_factor[j] = block_factor(group, column, i % 8u);
    }
}

void store_x(uint buf) {
    [[unroll]] for (uint j = 0u; j < X_LOADS; j++) {
        uint i = gl_LocalInvocationID.x + j * LANES;
        x_tile[buf * TOKENS * 8u + i / 32u * 32u + in_tile(i / 8u % 4u, i % 8u)] = BLOCK != 0u ? times(next_x[j], f16vec2(half_ratio(next_factor[j], most[j]))) : next_x[j];
    }
}

// Makes what was fetched that of this turn's step.
void take(uint s) {
    if (is_float_type()) return;
    [[unroll]] for (uint r = 0u; r < LANE_ROWS; r++) {
        q[r] = next_q[r];
        q2[r] = next_q2[r];
        head[r] = head_of(next_head[r], s);
        scales[r] = half_scales(step_scales(head[r], s));
    }
}

// Octet o of step s of a row. Bytes are unpacked when they are wanted, since they take twice the registers.
Eight weights(uint r, uint s, uint o) {
    if (is_float_type()) {
        uint at = s * FLOAT_QUADS;
        return eight_floats(quad_at(matrix, rows[r], at + 2u * o * FLOAT_QUADS / 8u), quad_at(matrix, rows[r], at + (2u * o + 1u) * FLOAT_QUADS / 8u));
    }
    uvec4 qa, qb;
    step_unpack(head[r], s, q[r], q2[r], qa, qb);
    uint i = o % 2u * 2u;
    return o < 2u ? eight_bytes(qa[i], qa[i + 1u], scales[r].xy) : eight_bytes(qb[i], qb[i + 1u], scales[r].zw);
}

// The factor of a token's sums.
float factor_of(uint token) {
    uint at = push.factors + min(token, push.tokens - 1u);
    return (BLOCK != 0u ? uintBitsToFloat(half_factor(x_most[at])) : x_factors[at]) / enlarged();
}

void write(uint row0, uint token0) {
    uint g = lane_index() / 4u, t = lane_index() % 4u;
    [[unroll]] for (uint n = 0u; n < NS; n++) {
        [[unroll]] for (uint i = 0u; i < 4u; i++) {
            uint token = token0 + n * 8u + 2u * t + i % 2u;
            float factor = factor_of(token);
            [[unroll]] for (uint mi = 0u; mi < MS; mi++) { // to the end: a loop with a way out may not be unrolled
                uint row = row0 + mi * 16u + g + 8u * (i / 2u);
                if (row < push.rows && token < push.tokens) {
                    uint at = (gl_WorkGroupID.z * push.tokens + token) * push.stride + push.row0 + row;
                    float v = ELEMENT(sums[mi * NS + n], i) * factor;
                    y[at] = push.add != 0u ? y[at] + v : v;
                }
            }
        }
    }
}

// A tile's 16 values of 8 tokens: lanes have them as they have sums, and then of token g four columns that follow
// each other.
void write_pair(uint row, uint token0, uint in_tile, Sum gate, Sum up) {
    uint g = lane_index() / 4u, t = lane_index() % 4u, from = subgroup_index() * 8u * PAIR_QUADS;
    meet();
    [[unroll]] for (uint i = 0u; i < 4u; i++) {
        float factor = factor_of(token0 + 2u * t + i % 2u);
        uint column = g + 8u * (i / 2u);
        pairs[from + (2u * t + i % 2u) * PAIR_QUADS + column / 4u][column % 4u] = gelu(ELEMENT(gate, i) * factor) * (ELEMENT(up, i) * factor);
    }
    meet();
    uint token = token0 + g, block = (push.row0 + row) / TILE, column = block * PAIR, words = half_words(push.stride);
    if (row >= push.rows || token >= push.tokens) return;
    uint most = 0u;
    vec4 mine;
    [[unroll]] for (uint q = 0u; q < PAIR / 4u; q++) {
        vec4 v = pairs[from + g * PAIR_QUADS + q];
        [[unroll]] for (uint i = 0u; i < 4u; i++) {
            if (column + 4u * q + i >= push.stride) v[i] = 0.0;
            most = max(most, floatBitsToUint(v[i]) & 0x7fffffffu);
        }
        if (q == t) mine = v;
    }
    mine *= half_scale(half_exponent(most));
    uvec4 bits = uvec4(half_bits(mine.x), half_bits(mine.y), half_bits(mine.z), half_bits(mine.w));
    uint word = column / 2u + 2u * t;
    if (word < words) { // as half_columns has them
        uint at = half_at(token, words, word, push.octets != 0u);
        y_halves[at] = bits.x | (push.octets != 0u ? bits.z : bits.y) << 16;
        y_halves[at + 1u] = (push.octets != 0u ? bits.y : bits.z) | bits.w << 16;
    }
    if (t == 0u) {
        uint factors = half_factor_at(0u, push.tokens, words, push.octets != 0u), blocks = (push.stride + PAIR - 1u) / PAIR;
        y_halves[half_block_at(token, push.tokens, blocks, block, factors)] = half_factor(most);
        atomicMax(tile_most[in_tile + g], most);
    }
}

void write_geglu(uint row0, uint tile_token, uint part_token) {
    for (uint i = gl_LocalInvocationID.x; i < TOKENS; i += LANES) tile_most[i] = 0u;
    barrier();
    [[unroll]] for (uint n = 0u; n < NS; n++)
        [[unroll]] for (uint mi = 0u; mi < MS; mi += 2u)
            write_pair(row0 + mi * 16u, tile_token + part_token + n * 8u, part_token + n * 8u, sums[mi * NS + n], sums[(mi + 1u) * NS + n]);
    barrier();
    uint factors = half_factor_at(0u, push.tokens, half_words(push.stride), push.octets != 0u);
    for (uint i = gl_LocalInvocationID.x; i < TOKENS; i += LANES) // one for all rows: memory is slow at it
        if (tile_token + i < push.tokens) atomicMax(y_halves[factors + tile_token + i], tile_most[i]);
}

void main() {
    uint tile = group_index();
    if (tile >= row_tiles() * token_tiles()) return;
    uint token0 = tile % token_tiles() * TOKENS;
    uint part_row = tile / token_tiles() * ROWS + subgroup_index() % PART_COLUMN * PART_ROWS, part_token = subgroup_index() / PART_COLUMN * PART_TOKENS;
    uint g = lane_index() / 4u, t = lane_index() % 4u;
    matrix = Matrix(push.rows, push.cols, push.row_quads, push.row_words, push.second);
    [[unroll]] for (uint r = 0u; r < LANE_ROWS; r++) rows[r] = row_in(matrix, part_row + r * 8u + g);
    [[unroll]] for (uint i = 0u; i < MS * NS; i++) sums[i] = ZERO;

    uint first = gl_WorkGroupID.z * push.steps, last = min(push.cols / 128u, first + push.steps), buf = 0u;
    if (AHEAD != 0u) fetch(4u * first + t);
    if (BUFFERS != 0u) {
        fetch_x(token0, first, 0u);
        if (BLOCK != 0u)
            [[unroll]] for (uint j = 0u; j < X_LOADS; j++) {
                uint i = gl_LocalInvocationID.x + j * LANES;
                most[j] = token_most(token0 / 8u + i / 64u, i % 8u);
            }
    }
    f16vec2 ratio[NS]; // of two octets of x, where those come from memory
    [[dont_unroll]] for (uint turn = first; turn < last; turn++) {
        uint s = 4u * turn + t, next = min(turn + 1u, last - 1u);
        if (AHEAD == 0u) fetch(s);
        take(s);
        if (AHEAD != 0u) fetch(4u * next + t);
        UNROLL for (uint o = 0u; o < 4u; o++) {
            if (BUFFERS != 0u && o % 2u == 0u) {
                if (BUFFERS == 1u) barrier();
                store_x(buf);
                barrier();
                fetch_x(token0, o == 0u ? turn : next, 2u - o);
            }
            A a[2u * MS];
            [[unroll]] for (uint mi = 0u; mi < MS; mi++) {
                Eight w = weights(2u * mi, s, o), below = weights(2u * mi + 1u, s, o);
                [[unroll]] for (uint four = 0u; four < 2u; four++)
                    a[2u * mi + four] = matrix_a(f16vec2[4](w.v[2u * four], below.v[2u * four], w.v[2u * four + 1u], below.v[2u * four + 1u]));
            }
            uint column = octet_column(s, o);
            uvec4 x[BUFFERS == 0u ? NS : 1u]; // from memory all together, from shared memory one by one, which takes fewer registers
            if (BUFFERS == 0u)
                [[unroll]] for (uint n = 0u; n < NS; n++) x[n] = x_octet((token0 + part_token) / 8u + n, column, g);
            UNROLL for (uint n = 0u; n < NS; n++) {
                uint group = part_token / 8u + n;
                uvec4 octet = x[BUFFERS == 0u ? n : 0u];
                if (BUFFERS != 0u) octet = x_tile[buf * TOKENS * 8u + (group * 2u + o % 2u) * 32u + in_tile(t, g)];
                if (BUFFERS == 0u && BLOCK != 0u) {
                    if (o % 2u == 0u) ratio[n] = f16vec2(half_ratio(block_factor(token0 / 8u + group, column, g), token_most(token0 / 8u + group, g)));
                    octet = times(octet, ratio[n]);
                }
                UNROLL for (uint four = 0u; four < 2u; four++) {
                    B b = matrix_b(unpackFloat2x16(octet[2u * four]), unpackFloat2x16(octet[2u * four + 1u]));
                    UNROLL for (uint mi = 0u; mi < MS; mi++) multiply_add(a[2u * mi + four], b, sums[mi * NS + n]);
                }
            }
            if (BUFFERS == 2u && o % 2u == 1u) buf ^= 1u;
        }
    }
    if (GEGLU != 0u) write_geglu(part_row, token0, part_token);
    else write(part_row, token0 + part_token);
}
