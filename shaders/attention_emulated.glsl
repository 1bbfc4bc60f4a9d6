// The products of attention_coopmat.comp where there are no matrices, to test what is between them anywhere.
// A lane computes its own elements: lane 4g + t those of rows g and g + 8, columns 2t and 2t + 1.
vec4 four_halves(uvec2 words) { return vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y)); }

// Of element i: its row, and its column in a matrix.
uint element_row(uint i) { return lane_index() / 4u + 8u * (i / 2u % 2u); }
uint element_column(uint i) { return 2u * (lane_index() % 4u) + i % 2u; }

// Most is unrolled: llvmpipe ends loops after 65535 iterations in sum.
Sum emulated_scores(uint tile, uint c) {
    Sum s = Sum(0.0);
    [[dont_unroll]] for (uint i = 0u; i < 4u; i++) {
        uint row = first_row() + element_row(i), at = q_at(tile, row), key = (c * N + element_column(i)) * STRIDE;
        float fit = q_fit(row);
        [[dont_unroll]] for (uint d = 0u; d < HEAD_DIM / 8u; d += 4u) {
            [[unroll]] for (uint o = d; o < d + 4u; o++) {
                s[i] += dot(four_halves(q_halves(at + 2u * o, fit)), four_halves(cached[key + o].xy));
                s[i] += dot(four_halves(q_halves(at + 2u * o + 1u, fit)), four_halves(cached[key + o].zw));
            }
        }
    }
    return s;
}

Sum emulated_values(Sum s, uint t) {
    [[dont_unroll]] for (uint i = 0u; i < 4u; i++) {
        uint row = first_row() + element_row(i), column = t * N + element_column(i);
        [[unroll]] for (uint k = 0u; k < PAGE; k++) {
            uint two = cached[VALUES + k * STRIDE + column / 8u][column % 8u / 2u];
            s[i] += float(emulated_weights[row * PAGE + k]) * unpackHalf2x16(two)[column % 2u];
        }
    }
    return s;
}
