#version 450
#extension GL_GOOGLE_include_directive : require
// q, k and v of the normed residual; q and k are rotated, k and v written to the KV
// cache. The rows of the whole matrix are those of q, k and v, in the order of
// RoPERow (layout.go): rows 16 apart in a tile are a pair (i, i + HeadDim/2). q and k
// keep that order, which their product does not see. The angles of a position come from
// a table made in double precision: sin and cos of large arguments are not exact on
// GPUs. RoFormer, https://arxiv.org/abs/2104.09864, eq. 34.
//
// variant quad: QUAD, shares loads of x among four lanes
// variant dot: INT_DOT, x is as quantize.glsl writes it
// variant lanes: MATRIX_LANES, cooperative matrices (matrices.glsl)
// variant shared: MATRIX_SHARED, the same by shared memory
// variant emulated: MATRIX_EMULATED, lanes without matrices, for tests
#include "lanes.glsl"
#include "product.glsl"
#include "norm.glsl"
#include "rows.glsl"

layout(set = 0, binding = 3, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 4, std430) readonly buffer Pages { uint pages[]; };
layout(set = 0, binding = 5, std430) readonly buffer Angles { vec2 angles[]; }; // [position][HeadDim/2] of (cos, sin)
layout(set = 0, binding = 6, std430) writeonly buffer Q { float q[]; };
layout(set = 0, binding = 7, std430) writeonly buffer KCache { uint k_cache[]; };
layout(set = 0, binding = 8, std430) writeonly buffer VCache { uint v_cache[]; };

layout(push_constant) uniform Push {
    PRODUCT_PUSH
    uint heads;
    uint kv_heads;
    uint head_dim;
    uint max_pages; // page table entries a sequence
    float eps;
} push;

uint block_at; // of the block that is written
float kv_value(uint i) { return result[block_at + i]; }

#define KV_CONSTANT 11
#include "kv_store.glsl"

const uint PAIR = TILE / 2u;

void main() {
    uint row = group_index() * ROWS, lane = gl_LocalInvocationID.x;
    if (row >= push.rows) return;
    uint token = push.from + gl_WorkGroupID.z * TOKENS;
    norm_begin(push.first + token, push.first + push.tokens, push.cols);
    product(MATRIX(push), row, push.first + token, push.first + push.tokens);
    norm_end(push.cols, push.eps);

    uint head_tiles = push.head_dim / TILE, tile0 = (push.row0 + row) / TILE;
    uint q_tiles = push.heads * head_tiles, kv_tiles = push.kv_heads * head_tiles;
    uint end = (push.row0 + push.rows) / TILE; // behind it are tiles that others compute
    for (uint i = lane; i < TOKENS * ROWS / 2u; i += LANES) {
        uint t = i / (ROWS / 2u), j = i % PAIR, local = i / PAIR % (ROWS / TILE), tile = tile0 + local;
        if (token + t >= push.tokens || tile >= end) continue;
        uint at = t * ROWS + local * TILE + j;
        float lo = result[at] * norm_scale[t], hi = result[at + PAIR] * norm_scale[t];
        if (tile < q_tiles + kv_tiles) {
            vec2 cs = angles[(rows[token + t].position * head_tiles + tile % head_tiles) * PAIR + j];
            float turned = lo * cs.x - hi * cs.y;
            hi = hi * cs.x + lo * cs.y;
            lo = turned;
        }
        if (tile < q_tiles) {
            uint to = (token + t) * q_tiles * TILE + tile * TILE + j;
            q[to] = lo;
            q[to + PAIR] = hi;
        }
        result[at] = lo;
        result[at + PAIR] = hi;
    }
    barrier();
    for (uint i = 0u; i < TOKENS * (ROWS / TILE); i++) {
        uint t = token + i / (ROWS / TILE), tile = tile0 + i % (ROWS / TILE);
        if (t >= push.tokens || tile < q_tiles || tile >= end) continue;
        tile -= q_tiles;
        bool is_v = tile >= kv_tiles;
        if (is_v) tile -= kv_tiles;
        Row r = rows[t];
        block_at = i * TILE;
        kv_store_block(is_v, pages[r.sequence * push.max_pages + r.position / PAGE], tile / head_tiles,
                       push.kv_heads, r.position, push.head_dim, tile % head_tiles, lane, LANES);
    }
}
