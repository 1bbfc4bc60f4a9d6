// Activations as 8-bit integers, for integer dot products: blocks of 16 columns, each
// with a scale, max |x| / 127, and the sum of its rounded values. For up to 16 rows: all
// integers, [row][cols/16] of 16, then all [row][cols/16] (scale, sum). The includer has,
// above this, QUANTIZED, the binding, and
//   bool wants_quantized(); float block_value(uint i): value i, 0..15, of the block
layout(set = 0, binding = QUANTIZED, std430) writeonly buffer Quantized { uint quantized[]; };

// Writes a block of a row of cols columns, if somebody reads it.
void quantize_block(uint row, uint cols, uint block) {
    if (!wants_quantized() || cols % 16u != 0u || row >= 16u) return;
    float most = 0.0;
    for (uint i = 0u; i < 16u; i++) most = max(most, abs(block_value(i)));
    float inverse = most > 1e-30 ? 127.0 / most : 0.0, scale = most / 127.0, sum = 0.0;
    uint at = row * (cols / 16u) + block;
    for (uint i = 0u; i < 4u; i++) {
        vec4 v = vec4(block_value(4u * i), block_value(4u * i + 1u), block_value(4u * i + 2u), block_value(4u * i + 3u));
        v = clamp(roundEven(v * inverse), -127.0, 127.0);
        sum += (v.x + v.y) + (v.z + v.w);
        uvec4 q = uvec4(ivec4(v)) & 255u;
        quantized[4u * at + i] = q.x | q.y << 8 | q.z << 16 | q.w << 24;
    }
    quantized[4u * cols + 2u * at] = floatBitsToUint(scale);
    quantized[4u * cols + 2u * at + 1u] = floatBitsToUint(scale * sum);
}
