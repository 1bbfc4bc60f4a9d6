// The KV cache: pages of PAGE tokens, laid out [page][kv head][token][HeadDim]
// in 32-bit words that hold one f32 or two f16 values.
layout(constant_id = 1) const uint KV_F16 = 1;
layout(constant_id = 2) const uint PAGE = 32;

// Word of the first value of a token's head.
uint kv_word(uint page, uint head, uint kv_heads, uint position, uint head_dim) {
    uint token = (page * kv_heads + head) * PAGE + position % PAGE;
    return token * (KV_F16 != 0u ? head_dim / 2u : head_dim);
}
