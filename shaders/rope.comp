#version 450
#extension GL_GOOGLE_include_directive : require
// Rotary position embedding of q (in place) and k, and the write of k and v
// into the KV cache. Pairs are (i, i + HeadDim/2), the angles of a position
// come from a table made in double precision: sin and cos of large arguments
// are not exact on GPUs. RoFormer, https://arxiv.org/abs/2104.09864, eq. 34.
#include "lanes.glsl"
#include "kv.glsl"
#include "rows.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Pages { uint pages[]; };
layout(set = 0, binding = 2, std430) readonly buffer Angles { vec2 angles[]; }; // [position][HeadDim/2] of (cos, sin)
layout(set = 0, binding = 3, std430) buffer Q { float q[]; };
layout(set = 0, binding = 4, std430) readonly buffer K { float k[]; };
layout(set = 0, binding = 5, std430) readonly buffer V { float v[]; };
layout(set = 0, binding = 6, std430) writeonly buffer KCache { uint k_cache[]; };
layout(set = 0, binding = 7, std430) writeonly buffer VCache { uint v_cache[]; };

layout(push_constant) uniform Push {
    uint heads;
    uint kv_heads;
    uint head_dim;
    uint max_pages; // page table entries a sequence
} push;

// k after rotation, at dimension d of the head that begins at base.
float rotated_k(uint base, uint d, uint angle) {
    uint half_dim = push.head_dim / 2u;
    uint i = d < half_dim ? d : d - half_dim;
    vec2 cs = angles[angle + i];
    float lo = k[base + i], hi = k[base + i + half_dim];
    return d < half_dim ? lo * cs.x - hi * cs.y : hi * cs.x + lo * cs.y;
}

void main() {
    Row r = rows[gl_WorkGroupID.z];
    uint half_dim = push.head_dim / 2u;
    uint angle = r.position * half_dim;
    uint item = group_index() * LANES + gl_LocalInvocationID.x;

    uint q_items = push.heads * half_dim;
    if (item < q_items) {
        uint i = item % half_dim;
        uint base = (gl_WorkGroupID.z * push.heads + item / half_dim) * push.head_dim;
        vec2 cs = angles[angle + i];
        float lo = q[base + i], hi = q[base + i + half_dim];
        q[base + i] = lo * cs.x - hi * cs.y;
        q[base + i + half_dim] = hi * cs.x + lo * cs.y;
        return;
    }

    item -= q_items;
    uint kv_items = push.kv_heads * half_dim; // pairs of adjacent dimensions: one word in f16
    if (item >= 2u * kv_items) return;
    bool is_v = item >= kv_items;
    if (is_v) item -= kv_items;
    uint head = item / half_dim, pair = item % half_dim;
    uint base = (gl_WorkGroupID.z * push.kv_heads + head) * push.head_dim;
    uint page = pages[r.sequence * push.max_pages + r.position / PAGE];
    uint to = kv_word(page, head, push.kv_heads, r.position, push.head_dim);
    uint d = 2u * pair;
    vec2 value = is_v ? vec2(v[base + d], v[base + d + 1u])
                      : vec2(rotated_k(base, d, angle), rotated_k(base, d + 1u, angle));
    if (KV_F16 != 0u) {
        uint word = packHalf2x16(clamp(value, -65504.0, 65504.0));
        if (is_v) v_cache[to + pair] = word; else k_cache[to + pair] = word;
        return;
    }
    for (uint i = 0u; i < 2u; i++) {
        uint word = floatBitsToUint(value[i]);
        if (is_v) v_cache[to + d + i] = word; else k_cache[to + d + i] = word;
    }
}
