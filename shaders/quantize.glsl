// Activations as 16-bit integers in two signed bytes, for integer dot products: blocks of 16
// columns, x = scale * (256 h + l), with scale max |x| / 32512, which leaves h and l room to be
// rounded. A block is three quads, [row][cols/16]: 16 bytes h, 16 bytes l, and (scale, scale
// times the sum of the integers, 0, 0). The includer has, above this, QUANTIZED, the binding, and
//   bool wants_quantized(); float block_value(uint i): value i, 0..15, of the block
layout(set = 0, binding = QUANTIZED, std430) writeonly buffer Quantized { uint quantized[]; };

uint pack_bytes(ivec4 v) {
    uvec4 b = uvec4(v) & 255u;
    return b.x | b.y << 8 | b.z << 16 | b.w << 24;
}

// Writes a word of each quad of a block of a row of cols columns, if somebody reads it: words 0 to 3 of four
// lanes, since a workgroup's last values are what a step waits for.
void quantize_word(uint row, uint cols, uint block, uint word) {
    if (!wants_quantized() || cols % 16u != 0u) return;
    float most = 0.0;
    [[unroll]] for (uint i = 0u; i < 16u; i++) most = max(most, abs(block_value(i)));
    float inverse = most > 1e-30 ? 32512.0 / most : 0.0, scale = most / 32512.0, sum = 0.0;
    ivec4 n;
    [[unroll]] for (uint i = 0u; i < 4u; i++) {
        vec4 v = vec4(block_value(4u * i), block_value(4u * i + 1u), block_value(4u * i + 2u), block_value(4u * i + 3u));
        v = clamp(roundEven(v * inverse), -32512.0, 32512.0);
        sum += (v.x + v.y) + (v.z + v.w);
        if (i == word) n = ivec4(v);
    }
    ivec4 h = (n + 128) >> 8;
    uint at = 12u * (row * (cols / 16u) + block) + word;
    quantized[at] = pack_bytes(h);
    quantized[at + 4u] = pack_bytes(n - (h << 8));
    quantized[at + 8u] = word == 0u ? floatBitsToUint(scale) : word == 1u ? floatBitsToUint(scale * sum) : 0u;
}
