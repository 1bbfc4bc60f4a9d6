// F32, F16 and BF16. Rows are padded with zeros to whole steps.

// Columns 4i to 4i+3 of a row.
vec4 float_at(Matrix m, uint row, uint i) {
    if (TYPE == F32) return uintBitsToFloat(quad_at(m, row, i));
    uvec4 q = quad_at(m, row, i / 2u);
    uvec2 pairs = (i & 1u) == 0u ? q.xy : q.zw;
    return TYPE == F16 ? vec4(half_pair(pairs.x), half_pair(pairs.y)) : vec4(bfloat_pair(pairs.x), bfloat_pair(pairs.y));
}
