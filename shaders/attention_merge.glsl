// Flash-Decoding's merge of the splits of a head of a row. The includer has, above this,
//   buffer … { vec4 partial[]; }: [row][head][split], each (maximum, sum, 0, 0) of the
//     exponentials and [HeadDim/4] values weighted by them
//   buffer … { vec4 y[]; }
// from is where a head's splits begin.

float greatest_of_splits(uint from, uint splits, uint head_dim) {
    float maximum = partial[from].x;
    for (uint s = 1u; s < splits; s++) maximum = max(maximum, partial[from + s * (1u + head_dim / 4u)].x);
    return maximum;
}

// A quad of the head.
vec4 merged_quad(uint from, uint splits, uint head_dim, uint quad, float maximum) {
    vec4 sum = vec4(0.0);
    float total = 0.0;
    for (uint s = 0u; s < splits; s += 4u) {
        vec2 stat[4];
        vec4 value[4];
        [[unroll]] for (uint i = 0u; i < 4u; i++) { // loads in flight together
            uint at = from + min(s + i, splits - 1u) * (1u + head_dim / 4u);
            stat[i] = partial[at].xy;
            value[i] = partial[at + 1u + quad];
        }
        [[unroll]] for (uint i = 0u; i < 4u; i++) {
            float weight = s + i < splits ? exp(stat[i].x - maximum) : 0.0;
            total += weight * stat[i].y;
            sum += weight * value[i];
        }
    }
    return sum / total;
}

// Writes one lane's share of the head_dim / 4 quads from y[to] on.
void merge_splits(uint from, uint splits, uint head_dim, uint to, uint lane) {
    float maximum = greatest_of_splits(from, splits, head_dim);
    for (uint d = lane; d < head_dim / 4u; d += LANES) y[to + d] = merged_quad(from, splits, head_dim, d, maximum);
}
