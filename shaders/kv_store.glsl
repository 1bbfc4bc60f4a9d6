// Writes to the KV cache. The includer has, above this,
//   buffer … { uint k_cache[]; }, buffer … { uint v_cache[]; }
//   float kv_value(uint i): value i, 0..31, of the block that is written
// Several lanes may share a block; no barrier is needed between two.
#include "kv.glsl"

void kv_put(bool is_v, uint word, uint value) {
    if (is_v) v_cache[word] = value; else k_cache[word] = value;
}

// Writes one lane's share of the 32 values of a block (dimensions 32 * block and on) of a
// head at a position, which lies in page. f16 saturates; Q8 is max |value| / 127 and the
// nearest multiples of that.
void kv_store_block(bool is_v, uint page, uint head, uint kv_heads, uint position, uint head_dim, uint block, uint lane, uint lanes) {
    uint base = 4u * kv_head(page, head, kv_heads, head_dim), token = position % PAGE;
    float inverse = 0.0;
    if (KV == KV_Q8) {
        float most = 0.0;
        for (uint i = 0u; i < KV_BLOCK; i++) most = max(most, abs(kv_value(i)));
        if (most > 1e-30) inverse = 127.0 / most;
        if (lane == 0u) {
            uint at = is_v ? v_scale(token, block, head_dim) : k_scale(token, block, head_dim);
            kv_put(is_v, base + at, floatBitsToUint(most / 127.0));
        }
    }
    for (uint quad = lane; quad < KV_BLOCK / 4u; quad += lanes) {
        vec4 v = vec4(kv_value(4u * quad), kv_value(4u * quad + 1u), kv_value(4u * quad + 2u), kv_value(4u * quad + 3u));
        uint unit = block * KV_UNITS + 4u * quad / KV_UNIT;
        uint to = base + 4u * (is_v ? v_unit(token, unit, head_dim) : k_unit(token, unit));
        if (KV == KV_F32) {
            for (uint i = 0u; i < 4u; i++) kv_put(is_v, to + i, floatBitsToUint(v[i]));
        } else if (KV == KV_F16) {
            v = clamp(v, -65504.0, 65504.0);
            to += quad % 2u * 2u;
            kv_put(is_v, to, packHalf2x16(v.xy));
            kv_put(is_v, to + 1u, packHalf2x16(v.zw));
        } else {
            uvec4 q = uvec4(ivec4(clamp(roundEven(v * inverse), -127.0, 127.0))) & 255u;
            kv_put(is_v, to + quad % 4u, q.x | q.y << 8 | q.z << 16 | q.w << 24);
        }
    }
}
