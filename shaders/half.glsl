// f16 to f32 in integers: exact for subnormals, which are common in the scales
// of quantized blocks and which unpackHalf2x16 may flush on some drivers.
// No Inf or NaN: weights are checked when they are loaded.
float half_float(uint h) {
    uint magnitude = h & 0x7fffu;
    float f = magnitude < 0x400u ? float(magnitude) * 5.9604644775390625e-8
                                 : uintBitsToFloat((magnitude << 13) + 0x38000000u);
    return (h & 0x8000u) != 0u ? -f : f;
}

vec2 half_pair(uint word) {
    return vec2(half_float(word & 0xffffu), half_float(word >> 16));
}
