// What the matmuls of many tokens share. A workgroup computes a tile of ROWS rows and
// TOKENS tokens of y. It goes through the columns in steps of COLS, of which it
// keeps the weights, dequantized, and x in shared memory. A step's columns stand
// there in the order of its pairs (weights.glsl), the same for both factors, so
// that a type's own order costs nothing. The includer defines FACTORS, the type of
// 4 columns of a factor, and PAD, how many of those lie between two lines.
//
// interface tiles: 12 push constants, 8 specialization constants
#include "lanes.glsl"
#include "weights.glsl"

layout(constant_id = 2) const uint ROWS = 64;
layout(constant_id = 3) const uint TOKENS = 64;
layout(constant_id = 4) const uint COLS = 16; // a multiple of 8
layout(constant_id = 5) const uint BUFFERS = 1; // 2: a step is stored while others still compute the one before
layout(constant_id = 6) const uint PART_ROWS = 4; // of an invocation's, or of a subgroup's, part of the tile
layout(constant_id = 7) const uint PART_TOKENS = 8;

layout(push_constant) uniform Push {
    uint rows;
    uint cols;
    uint row_quads;
    uint row_words;
    uint second;
    uint row0;    // first row of this part of the matrix in y
    uint stride;  // of a token in y
    uint tokens;
    uint first;   // first token in x
    uint factors; // word of x at which the tokens' factors begin, where x is f16
    uint steps;   // of a split
    uint add;     // 1: add to y (residual)
} push;

const uint PAIRS = COLS / 8u;
const uint QUADS = COLS / 4u;
const uint STRIDE = QUADS + PAD;                       // of a line, a row or a token, in shared memory
const uint WEIGHT_PAIRS = ROWS * PAIRS / LANES;        // that an invocation takes in a step
const uint X_PAIRS = TOKENS * PAIRS / LANES;
const uint SPAN = WEIGHT_PAIRS < PAIRS ? WEIGHT_PAIRS : PAIRS; // of the former in one row, which share their scales

shared FACTORS weight_tile[BUFFERS * ROWS * STRIDE];
shared FACTORS x_tile[BUFFERS * TOKENS * STRIDE];

// Where quad q of a line lies.
uint slot(uint line, uint q);

uint lane() { return gl_LocalInvocationID.x; }

uint all_pairs() { return unit_count(push.cols) * unit_pairs(); }

// Of the grid's tiles those of the same rows come one after the other: they share the
// weights, which are more than the x of all tokens.
uint token_tiles() { return (push.tokens + TOKENS - 1u) / TOKENS; }
uint row_tiles() { return (push.rows + ROWS - 1u) / ROWS; }
uint first_row(uint tile) { return tile / token_tiles() * ROWS; }
uint first_token(uint tile) { return tile % token_tiles() * TOKENS; }

// The steps of this workgroup's split of the columns.
uint first_step() { return gl_WorkGroupID.z * push.steps; }
uint last_step() {
    uint all = (all_pairs() + PAIRS - 1u) / PAIRS;
    return min(all, first_step() + push.steps);
}

// Where a value goes: each split has a y of its own.
uint y_at(uint row, uint token) {
    return (gl_WorkGroupID.z * push.tokens + token) * push.stride + push.row0 + row;
}

// The weights that this invocation takes in a step: those of neighbours are of neighbouring
// rows, which lie side by side. Columns beyond the matrix's are 0.
void fetch_weights(uint row0, uint step, out FACTORS a[WEIGHT_PAIRS], out FACTORS b[WEIGHT_PAIRS]) {
    Matrix m = Matrix(push.rows, push.cols, push.row_quads, push.row_words, push.second);
    const uint shared_pairs = unit_pairs() < SPAN ? unit_pairs() : SPAN;
    [[unroll]] for (uint j = 0u; j < WEIGHT_PAIRS / SPAN; j++) {
        uint i = lane() + j * LANES;
        uint row = min(row0 + i % ROWS, push.rows - 1u);
        vec4 scales;
        [[unroll]] for (uint n = 0u; n < SPAN; n++) {
            uint p = step * PAIRS + i / ROWS * SPAN + n, u = p / unit_pairs();
            vec4 va = vec4(0.0), vb = vec4(0.0);
            if (p < all_pairs()) {
                if (n % shared_pairs == 0u) scales = unit_scales(m, row, u);
                pair_load(m, row, u, p % unit_pairs(), scales, va, vb);
            }
            a[j * SPAN + n] = FACTORS(va);
            b[j * SPAN + n] = FACTORS(vb);
        }
    }
}

void store_weights(uint buf, FACTORS a[WEIGHT_PAIRS], FACTORS b[WEIGHT_PAIRS]) {
    [[unroll]] for (uint j = 0u; j < WEIGHT_PAIRS / SPAN; j++) {
        uint i = lane() + j * LANES;
        [[unroll]] for (uint n = 0u; n < SPAN; n++) {
            uint q = 2u * (i / ROWS * SPAN + n), line = buf * ROWS + i % ROWS;
            weight_tile[slot(line, q)] = a[j * SPAN + n];
            weight_tile[slot(line, q + 1u)] = b[j * SPAN + n];
        }
    }
}

FACTORS load_x(uint token, uint c);

// The same for x, where neighbours take neighbouring pairs of a token.
void fetch_x(uint token0, uint step, out FACTORS a[X_PAIRS], out FACTORS b[X_PAIRS]) {
    [[unroll]] for (uint j = 0u; j < X_PAIRS; j++) {
        uint i = lane() + j * LANES, p = step * PAIRS + i % PAIRS;
        a[j] = FACTORS(0.0);
        b[j] = FACTORS(0.0);
        if (p >= all_pairs()) continue;
        uint token = push.first + min(token0 + i / PAIRS, push.tokens - 1u);
        uvec2 c = pair_columns(p / unit_pairs(), p % unit_pairs());
        a[j] = load_x(token, c.x);
        b[j] = load_x(token, c.y);
    }
}

void store_x(uint buf, FACTORS a[X_PAIRS], FACTORS b[X_PAIRS]) {
    [[unroll]] for (uint j = 0u; j < X_PAIRS; j++) {
        uint i = lane() + j * LANES, q = 2u * (i % PAIRS), line = buf * TOKENS + i / PAIRS;
        x_tile[slot(line, q)] = a[j];
        x_tile[slot(line, q + 1u)] = b[j];
    }
}

// One step: what was fetched goes into shared memory, and while its products are
// computed the next one is on its way.
#define STEPS(row0, token0, COMPUTE) { \
    FACTORS wa[WEIGHT_PAIRS], wb[WEIGHT_PAIRS], xa[X_PAIRS], xb[X_PAIRS]; \
    uint step = first_step(), last = last_step(), buf = 0u; \
    fetch_weights(row0, step, wa, wb); \
    fetch_x(token0, step, xa, xb); \
    while (step < last) { \
        if (BUFFERS == 1u) barrier(); \
        store_weights(buf, wa, wb); \
        store_x(buf, xa, xb); \
        barrier(); \
        if (++step < last) { \
            fetch_weights(row0, step, wa, wb); \
            fetch_x(token0, step, xa, xb); \
        } \
        COMPUTE(buf); \
        buf = (buf + 1u) % BUFFERS; \
    } \
}
