// The KV cache of a layer: pages of PAGE tokens, [page][kv head], and in that the units of
// 16 bytes that a lane loads at once, of KV_UNIT dimensions of a token: K as
// [unit][token], so that lanes at adjacent positions read side by side, V as [token][unit],
// for lanes at adjacent dimensions. Q8 has behind them the scale of each block of 32
// dimensions, f32, in the same order. HeadDim is a multiple of 32.
const uint KV_F16 = 0, KV_F32 = 1, KV_Q8 = 2; // KVType
#ifndef KV_CONSTANT
#define KV_CONSTANT 1 // id of the specialization constant: another one where 1 is taken
#endif
layout(constant_id = KV_CONSTANT) const uint KV = KV_F16;
// PageTokens is the number of positions in a page of the KV cache.
// export
const uint PAGE = 32;
// KVBlock is the number of values of a head that share a scale; HeadDim is a multiple of it.
// export
const uint KV_BLOCK = 32;
const uint KV_UNIT = KV == KV_F32 ? 4 : KV == KV_F16 ? 8 : 16;
const uint KV_UNITS = KV_BLOCK / KV_UNIT; // of a block

// Unit of 16 bytes at which a head of a page begins.
uint kv_head(uint page, uint head, uint kv_heads, uint head_dim) {
    uint units = PAGE * head_dim / KV_UNIT;
    if (KV == KV_Q8) units += PAGE * head_dim / KV_BLOCK / 4u;
    return (page * kv_heads + head) * units;
}

// A unit of a token (0..PAGE-1) of a head, counted from kv_head.
uint k_unit(uint token, uint unit) { return unit * PAGE + token; }
uint v_unit(uint token, uint unit, uint head_dim) { return token * (head_dim / KV_UNIT) + unit; }

// The word with the scale of a block, counted from 4 * kv_head.
uint k_scale(uint token, uint block, uint head_dim) { return PAGE * head_dim / 4u + block * PAGE + token; }
uint v_scale(uint token, uint block, uint head_dim) {
    return PAGE * head_dim / 4u + token * (head_dim / KV_BLOCK) + block;
}

// Values 4i..4i+3 of a unit; of Q8, still to be scaled.
vec4 kv_quad(uvec4 unit, uint i) {
    if (KV == KV_F32) return uintBitsToFloat(unit);
    if (KV == KV_F16) return vec4(unpackHalf2x16(unit[2u * i]), unpackHalf2x16(unit[2u * i + 1u]));
    int w = int(unit[i]);
    return vec4(ivec4(w << 24, w << 16, w << 8, w) >> 24);
}
