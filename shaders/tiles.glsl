// What the matmuls of many tokens share. A workgroup computes a tile of ROWS rows and
// TOKENS tokens of y. It goes through the columns in steps of COLS, of which it
// keeps the weights, dequantized, and x in shared memory. A step's columns stand
// there in the order of the steps of 32 of weights.glsl, the same for both factors, so
// that a type's own order costs nothing.
//
// interface tiles: 13 push constants, 9 specialization constants
#include "lanes.glsl"
#include "weights.glsl"

layout(constant_id = 2) const uint ROWS = 64;
layout(constant_id = 3) const uint TOKENS = 64;
layout(constant_id = 4) const uint COLS = 32; // a multiple of 32
layout(constant_id = 5) const uint BUFFERS = 1; // 2: a step is stored while others still compute the one before
layout(constant_id = 6) const uint PART_ROWS = 4; // of an invocation's, or of a subgroup's, part of the tile
layout(constant_id = 7) const uint PART_TOKENS = 8;
layout(constant_id = 8) const uint GEGLU = 0; // 1: y is gelu(gate) * up of rows in the order of GateUpRow (layout.go)

layout(push_constant) uniform Push {
    uint rows;
    uint cols;
    uint row_quads;
    uint row_words;
    uint second;
    uint row0;    // first row of this part of the matrix in y, or with GEGLU in the matrix
    uint stride;  // of a token in y
    uint tokens;
    uint first;   // first token in x
    uint factors; // word of x at which the tokens' factors begin, where x is f16
    uint steps;   // of a split
    uint add;     // 1: add to y (residual)
    uint octets;  // 1: y is f16 in that order (half_rows.glsl)
} push;

const uint OCTETS = COLS / 8u;  // of a line, a row or a token, in a step
const uint PAIR = TILE / 2u;    // rows apart are gate and up of one value

// What an invocation takes together: a step of 32 columns, which share their scales, or an
// octet where there are none.
const bool FLOATS = TYPE == F32 || TYPE == F16 || TYPE == BF16;
const uint UNIT_OCTETS = FLOATS ? 1u : 4u;
const uint UNIT_QUADS = TYPE == F32 ? 2u : 1u;
const uint UNITS = ROWS * OCTETS / UNIT_OCTETS;
const uint LANE_UNITS = (UNITS + LANES - 1u) / LANES;

// A step on its way, as it was loaded: nothing waits for it before it is stored.
uvec4 weight_quads[LANE_UNITS * UNIT_QUADS];
uvec4 weight_seconds[LANE_UNITS];
HeadWords weight_heads[LANE_UNITS];

// Of the includer: an octet of a line of weights to shared memory, from bytes or from floats,
void store_bytes(uint line, uint octet, uvec2 q, vec2 scale_offset);
void store_floats(uint line, uint octet, uvec4 a, uvec4 b);
// the same for x, whose lines are tokens, and the products of what is in a buffer.
void fetch_x(uint token0, uint step);
void store_x(uint buf, uint step);
void compute(uint buf);

uint lane() { return gl_LocalInvocationID.x; }

// Of the grid's tiles those of the same rows come one after the other: they share the
// weights, which are more than the x of all tokens.
uint token_tiles() { return (push.tokens + TOKENS - 1u) / TOKENS; }
uint row_tiles() { return (push.rows + ROWS - 1u) / ROWS; }
uint first_row(uint tile) { return tile / token_tiles() * ROWS; }
uint first_token(uint tile) { return tile % token_tiles() * TOKENS; }

// The steps of this workgroup's split of the columns.
uint first_step() { return gl_WorkGroupID.z * push.steps; }
uint last_step() { return min((push.cols + COLS - 1u) / COLS, first_step() + push.steps); }

// Where a value goes: each split has a y of its own.
uint y_at(uint row, uint token) {
    return (gl_WorkGroupID.z * push.tokens + token) * push.stride + push.row0 + row;
}

// The value of y that a row of gate is for.
uint y_column(uint row) { return (push.row0 + row) / TILE * PAIR + row % TILE; }

// The first column of an octet of a step.
uint octet_column(uint step, uint octet) {
    uvec2 c = step_columns(step * (COLS / 32u) + octet / 4u);
    return (octet % 4u < 2u ? c.x : c.y) + octet % 2u * 8u;
}

// The step of 32 columns that a unit is or lies in; past the end it is the last one once more, whose
// products are with zeros.
uint unit_step(uint step, uint unit) {
    return min(step * (COLS / 32u) + unit * UNIT_OCTETS / 4u, step_count(push.cols) - 1u);
}

// Units of neighbours are of neighbouring rows, which lie side by side.
void fetch_weights(uint row0, uint step) {
    Matrix m = Matrix(push.rows, push.cols, push.row_quads, push.row_words, push.second);
    bool begins = step == first_step() || step * (COLS / 32u) % block_steps() == 0u;
    [[unroll]] for (uint j = 0u; j < LANE_UNITS; j++) {
        uint i = lane() + j * LANES, row = min(row0 + i % ROWS, push.rows - 1u), s = unit_step(step, i / ROWS);
        if (UNITS % LANES == 0u || i < UNITS) {
            if (FLOATS) {
                [[unroll]] for (uint q = 0u; q < UNIT_QUADS; q++)
                    weight_quads[j * UNIT_QUADS + q] = quad_at(m, row, (4u * s + i / ROWS % 4u) * UNIT_QUADS + q);
            } else {
                weight_quads[j] = quad_at(m, row, first_quad(s));
                if (has_second()) weight_seconds[j] = quad_at(m, row, second_quad(s));
                if (begins) weight_heads[j] = head_words(m, row, s);
            }
        }
    }
}

void store_weights(uint buf, uint step) {
    [[unroll]] for (uint j = 0u; j < LANE_UNITS; j++) {
        uint i = lane() + j * LANES, line = buf * ROWS + i % ROWS, octet = i / ROWS * UNIT_OCTETS;
        if (UNITS % LANES == 0u || i < UNITS) {
            if (FLOATS) {
                store_floats(line, octet, weight_quads[j * UNIT_QUADS], weight_quads[j * UNIT_QUADS + UNIT_QUADS - 1u]);
            } else {
                uint s = unit_step(step, i / ROWS);
                Head h = head_of(weight_heads[j], s);
                vec4 scales = step_scales(h, s);
                uvec4 a, b;
                step_unpack(h, s, weight_quads[j], weight_seconds[j], a, b);
                store_bytes(line, octet, a.xy, scales.xy);
                store_bytes(line, octet + 1u, a.zw, scales.xy);
                store_bytes(line, octet + 2u, b.xy, scales.zw);
                store_bytes(line, octet + 3u, b.zw, scales.zw);
            }
        }
    }
}

// All steps: what was fetched goes into shared memory, and while its products are computed
// the next one is on its way.
void multiply(uint row0, uint token0) {
    uint step = first_step(), last = last_step(), buf = 0u;
    fetch_weights(row0, step);
    fetch_x(token0, step);
    [[dont_unroll]] while (step < last) {
        if (BUFFERS == 1u) barrier();
        store_weights(buf, step);
        store_x(buf, step);
        barrier();
        if (++step < last) {
            fetch_weights(row0, step);
            fetch_x(token0, step);
        }
        compute(buf);
        if (BUFFERS == 2u) buf ^= 1u;
    }
}
