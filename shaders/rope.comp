#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// What attn_qkv does behind its product, of products that are there already, as sums of splits or whole: the
// rotation of q and k, and the write of k and v into the KV cache. A lane takes 8 pairs of a token's row, of a
// q8 cache the 16 of a block, and reads and writes whole 16 bytes. Lanes of k go over positions, whose units lie side
// by side in the cache, others over the row.
#include "lanes.glsl"
#include "rows.glsl"
#include "kv.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Pages { uint pages[]; };
layout(set = 0, binding = 2, std430) readonly buffer Angles { vec4 angles[]; }; // [position][HeadDim/4] of 2 (cos, sin)
layout(set = 0, binding = 3, std430) readonly buffer QKV { vec4 qkv[]; };
layout(set = 0, binding = 4, std430) writeonly buffer Q { vec4 q[]; };
layout(set = 0, binding = 5, std430) writeonly buffer KWords { uint k_words[]; };
layout(set = 0, binding = 5, std430) writeonly buffer KCache { uvec4 k_cache[]; };
layout(set = 0, binding = 6, std430) writeonly buffer VWords { uint v_words[]; };
layout(set = 0, binding = 6, std430) writeonly buffer VCache { uvec4 v_cache[]; };

layout(push_constant) uniform Push {
    uint heads;
    uint kv_heads;
    uint head_dim;
    uint max_pages; // page table entries a sequence
    uint count;     // of rows
    uint splits;    // of qkv
} push;

const uint TILE_QUADS = 8u; // a tile's 32 values: 16 of the first halves of pairs, and behind them their second halves
// RopeRows is the most rows of a workgroup.
// export
const uint ROPE_ROWS = 16;
const uint GROUP_ROWS = LANES < ROPE_ROWS ? LANES : ROPE_ROWS, GROUP_ITEMS = LANES / GROUP_ROWS;
const uint QUADS = KV == KV_Q8 ? 4u : 2u; // of a lane, and of each half
const uint TILE_ITEMS = 4u / QUADS;

vec4 lo[4], hi[4]; // of which QUADS are in use

vec4 sum_at(uint row, uint all, uint quad) {
    vec4 v = qkv[row * all * TILE_QUADS + quad];
    for (uint s = 1u; s < push.splits; s++) v += qkv[(s * push.count + row) * all * TILE_QUADS + quad];
    return v;
}

void store_unit(bool is_v, uint at, uvec4 unit) {
    if (is_v) v_cache[at] = unit; else k_cache[at] = unit;
}

uvec2 half_quad(vec4 v) {
    v = clamp(v, -65504.0, 65504.0);
    return uvec2(packHalf2x16(v.xy), packHalf2x16(v.zw));
}

uint byte_quad(vec4 v, float inverse) {
    uvec4 b = uvec4(ivec4(clamp(roundEven(v * inverse), -127.0, 127.0))) & 255u;
    return b.x | b.y << 8 | b.z << 16 | b.w << 24;
}

float largest(vec4 v) {
    v = abs(v);
    return max(max(v.x, v.y), max(v.z, v.w));
}

// Writes the lane's share of a tile of a head, as kv_store.glsl does.
void store(bool is_v, uint page, uint head, uint position, uint tile, uint first) {
    uint base = kv_head(page, head, push.kv_heads, push.head_dim), token = position % PAGE;
    uint step = is_v ? 1u : PAGE, unit0 = tile * KV_UNITS + first * 4u / KV_UNIT, half_units = 16u / KV_UNIT;
    uint at = base + (is_v ? v_unit(token, unit0, push.head_dim) : k_unit(token, unit0));
    if (KV == KV_F32) {
        [[unroll]] for (uint i = 0u; i < QUADS; i++) {
            store_unit(is_v, at + i * step, floatBitsToUint(lo[i]));
            store_unit(is_v, at + (half_units + i) * step, floatBitsToUint(hi[i]));
        }
    } else if (KV == KV_F16) {
        store_unit(is_v, at, uvec4(half_quad(lo[0]), half_quad(lo[1])));
        store_unit(is_v, at + half_units * step, uvec4(half_quad(hi[0]), half_quad(hi[1])));
    } else {
        float most = 0.0, inverse = 0.0;
        [[unroll]] for (uint i = 0u; i < QUADS; i++) most = max(most, max(largest(lo[i]), largest(hi[i])));
        if (most > 1e-30) inverse = 127.0 / most;
        uint scale = 4u * base + (is_v ? v_scale(token, tile, push.head_dim) : k_scale(token, tile, push.head_dim));
        if (is_v) v_words[scale] = floatBitsToUint(most / 127.0); else k_words[scale] = floatBitsToUint(most / 127.0);
        uvec4 a, b;
        [[unroll]] for (uint i = 0u; i < QUADS; i++) {
            a[i] = byte_quad(lo[i], inverse);
            b[i] = byte_quad(hi[i], inverse);
        }
        store_unit(is_v, at, a);
        store_unit(is_v, at + half_units * step, b);
    }
}

void main() {
    uint lane = gl_LocalInvocationID.x, item = group_index() * GROUP_ITEMS, row = gl_WorkGroupID.z * GROUP_ROWS;
    uint head_tiles = push.head_dim / 32u, q_tiles = push.heads * head_tiles, kv_tiles = push.kv_heads * head_tiles, all = q_tiles + 2u * kv_tiles;
    uint tile = item / TILE_ITEMS;
    if (tile >= q_tiles && tile < q_tiles + kv_tiles) {
        row += lane % GROUP_ROWS;
        item += lane / GROUP_ROWS;
    } else {
        row += lane / GROUP_ITEMS;
        item += lane % GROUP_ITEMS;
    }
    tile = item / TILE_ITEMS;
    if (row >= push.count || tile >= all) return;
    uint first = item % TILE_ITEMS * QUADS; // quad of the tile's half
    [[unroll]] for (uint i = 0u; i < QUADS; i++) {
        lo[i] = sum_at(row, all, tile * TILE_QUADS + first + i);
        hi[i] = sum_at(row, all, tile * TILE_QUADS + 4u + first + i);
    }
    Row r = rows[row];
    if (tile < q_tiles + kv_tiles) {
        [[unroll]] for (uint i = 0u; i < QUADS; i++) {
            uint at = (r.position * head_tiles + tile % head_tiles) * 8u + 2u * (first + i);
            vec4 a = angles[at], b = angles[at + 1u], c = vec4(a.xz, b.xz), s = vec4(a.yw, b.yw), turned = lo[i] * c - hi[i] * s;
            hi[i] = hi[i] * c + lo[i] * s;
            lo[i] = turned;
        }
    }
    if (tile < q_tiles) {
        [[unroll]] for (uint i = 0u; i < QUADS; i++) {
            uint to = (row * q_tiles + tile) * TILE_QUADS + first + i;
            q[to] = lo[i];
            q[to + 4u] = hi[i];
        }
        return;
    }
    tile -= q_tiles;
    bool is_v = tile >= kv_tiles;
    if (is_v) tile -= kv_tiles;
    uint page = pages[r.sequence * push.max_pages + r.position / PAGE];
    store(is_v, page, tile / head_tiles, r.position, tile % head_tiles, first);
}
