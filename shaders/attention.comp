#version 450
#extension GL_GOOGLE_include_directive : require
// Causal attention of one head of one row over one split of its sequence's
// positions, read from the paged KV cache, with the online softmax of
// https://arxiv.org/abs/1805.02867. The result is partial: the maximum score,
// the sum of exp(score - maximum), and the values weighted by those; attention_merge.comp
// puts the splits together (Flash-Decoding).
#include "lanes.glsl"
#include "kv.glsl"
#include "rows.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Pages { uint pages[]; };
layout(set = 0, binding = 2, std430) readonly buffer Q { float q[]; };
layout(set = 0, binding = 3, std430) readonly buffer KCache { uint k_cache[]; };
layout(set = 0, binding = 4, std430) readonly buffer VCache { uint v_cache[]; };
layout(set = 0, binding = 5, std430) writeonly buffer Partial { float partial[]; }; // [row][head][split][2+HeadDim]

layout(push_constant) uniform Push {
    uint heads;
    uint kv_heads;
    uint head_dim;
    uint max_pages;
    uint split;      // positions a split
    uint max_splits; // stride of partial
    float scale;
} push;

const uint MAX_HEAD_DIM = 256;
shared float query[MAX_HEAD_DIM];
shared float value[MAX_HEAD_DIM];
shared float score[LANES];
shared float weight[LANES];
shared uint token[LANES]; // first V word of each position of the tile

vec2 pair(uint word) {
    return unpackHalf2x16(word);
}

float q_dot_k(uint at) {
    float sum = 0.0;
    if (KV_F16 != 0u) {
        for (uint d = 0u; d < push.head_dim; d += 2u) {
            vec2 kk = pair(k_cache[at + d / 2u]);
            sum += query[d] * kk.x + query[d + 1u] * kk.y;
        }
    } else {
        for (uint d = 0u; d < push.head_dim; d++) sum += query[d] * uintBitsToFloat(k_cache[at + d]);
    }
    return sum;
}

float v_at(uint at, uint d) {
    if (KV_F16 == 0u) return uintBitsToFloat(v_cache[at + d]);
    vec2 vv = pair(v_cache[at + d / 2u]);
    return (d & 1u) == 0u ? vv.x : vv.y;
}

void main() {
    uint head = gl_WorkGroupID.x, split = gl_WorkGroupID.y;
    uint lane = gl_LocalInvocationID.x;
    Row r = rows[gl_WorkGroupID.z];
    uint begin = split * push.split;
    uint end = min(r.position + 1u, begin + push.split);
    if (begin >= end) return; // another row of the step is longer

    uint kv_head = head / (push.heads / push.kv_heads);
    uint q_base = (gl_WorkGroupID.z * push.heads + head) * push.head_dim;
    for (uint d = lane; d < push.head_dim; d += LANES) {
        query[d] = q[q_base + d] * push.scale;
        value[d] = 0.0;
    }
    float maximum = -3.4e38, sum = 0.0; // sum: this lane's part
    barrier();

    for (uint base = begin; base < end; base += LANES) {
        uint tile = min(LANES, end - base);
        if (lane < tile) {
            uint position = base + lane;
            uint page = pages[r.sequence * push.max_pages + position / PAGE];
            uint at = kv_word(page, kv_head, push.kv_heads, position, push.head_dim);
            token[lane] = at;
            score[lane] = q_dot_k(at);
        }
        barrier();
        float previous = maximum;
        for (uint i = 0u; i < tile; i++) maximum = max(maximum, score[i]);
        float rescale = exp(previous - maximum);
        float p = lane < tile ? exp(score[lane] - maximum) : 0.0;
        weight[lane] = p;
        sum = sum * rescale + p;
        barrier();
        for (uint d = lane; d < push.head_dim; d += LANES) {
            float acc = value[d] * rescale;
            for (uint i = 0u; i < tile; i++) acc += weight[i] * v_at(token[i], d);
            value[d] = acc;
        }
        barrier();
    }

    weight[lane] = sum;
    barrier();
    uint to = ((gl_WorkGroupID.z * push.heads + head) * push.max_splits + split) * (2u + push.head_dim);
    if (lane == 0u) {
        float total = 0.0;
        for (uint i = 0u; i < LANES; i++) total += weight[i];
        partial[to] = maximum;
        partial[to + 1u] = total;
    }
    for (uint d = lane; d < push.head_dim; d += LANES) partial[to + 2u + d] = value[d];
}
