// F32, F16 and BF16. Rows are padded with zeros to whole steps.

const uint FLOAT_QUADS = TYPE == F32 ? 8u : 4u; // of a step

// The i-th 4 columns of a step, of which q is the quad that has them.
vec4 float_values(uvec4 q, uint i) {
    if (TYPE == F32) return uintBitsToFloat(q);
    uvec2 pairs = (i & 1u) == 0u ? q.xy : q.zw;
    return TYPE == F16 ? vec4(half_pair(pairs.x), half_pair(pairs.y)) : vec4(bfloat_pair(pairs.x), bfloat_pair(pairs.y));
}

// Columns 4i to 4i+3 of a row.
vec4 float_at(Matrix m, uint row, uint i) { return float_values(quad_at(m, row, i * FLOAT_QUADS / 8u), i); }
