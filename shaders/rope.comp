#version 450
#extension GL_GOOGLE_include_directive : require
// What attn_qkv does behind its product, of products that are there already: the
// rotation of q and k, and the write of k and v into the KV cache. A workgroup takes
// LANES pairs of a token's row.
#include "lanes.glsl"
#include "rows.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Pages { uint pages[]; };
layout(set = 0, binding = 2, std430) readonly buffer Angles { vec2 angles[]; }; // [position][HeadDim/2] of (cos, sin)
layout(set = 0, binding = 3, std430) readonly buffer QKV { float qkv[]; };
layout(set = 0, binding = 4, std430) writeonly buffer Q { float q[]; };
layout(set = 0, binding = 5, std430) writeonly buffer KCache { uint k_cache[]; };
layout(set = 0, binding = 6, std430) writeonly buffer VCache { uint v_cache[]; };

layout(push_constant) uniform Push {
    uint heads;
    uint kv_heads;
    uint head_dim;
    uint max_pages; // page table entries a sequence
} push;

const uint TILE = 32u, PAIR = 16u, PAIRS = LANES < PAIR ? PAIR : LANES; // of a workgroup
shared float value[2u * PAIRS];

uint block_at; // of the block that is written
float kv_value(uint i) { return value[block_at + i]; }

#include "kv_store.glsl"

void main() {
    uint lane = gl_LocalInvocationID.x, row = gl_WorkGroupID.z;
    Row r = rows[row];
    uint head_tiles = push.head_dim / TILE, tile0 = group_index() * (PAIRS / PAIR);
    uint q_tiles = push.heads * head_tiles, kv_tiles = push.kv_heads * head_tiles, all = q_tiles + 2u * kv_tiles;
    for (uint i = lane; i < PAIRS; i += LANES) {
        uint tile = tile0 + i / PAIR, j = i % PAIR;
        if (tile >= all) continue;
        uint from = (row * all + tile) * TILE + j, at = i / PAIR * TILE + j;
        float lo = qkv[from], hi = qkv[from + PAIR];
        if (tile < q_tiles + kv_tiles) {
            vec2 cs = angles[(r.position * head_tiles + tile % head_tiles) * PAIR + j];
            float turned = lo * cs.x - hi * cs.y;
            hi = hi * cs.x + lo * cs.y;
            lo = turned;
        }
        if (tile < q_tiles) {
            uint to = (row * q_tiles + tile) * TILE + j;
            q[to] = lo;
            q[to + PAIR] = hi;
        }
        value[at] = lo;
        value[at + PAIR] = hi;
    }
    barrier();
    uint page = pages[r.sequence * push.max_pages + r.position / PAGE];
    for (uint i = 0u; i < PAIRS / PAIR; i++) {
        uint tile = tile0 + i;
        if (tile < q_tiles || tile >= all) continue;
        tile -= q_tiles;
        bool is_v = tile >= kv_tiles;
        if (is_v) tile -= kv_tiles;
        block_at = i * TILE;
        kv_store_block(is_v, page, tile / head_tiles, push.kv_heads, r.position, push.head_dim, tile % head_tiles, lane, LANES);
    }
}
