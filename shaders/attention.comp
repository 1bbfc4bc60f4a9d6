#version 450
#extension GL_GOOGLE_include_directive : require
// Causal attention of one head of one row over one split of its sequence's positions,
// read from the paged KV cache. Scores have lane = position, so that nothing is
// reduced over lanes and q is read at one address; values have lane = dimension. Tiles
// of positions share a maximum, by the online softmax of https://arxiv.org/abs/1805.02867.
//
// A row with several splits leaves their partial results in memory (Flash-Decoding,
// https://pytorch.org/blog/flash-decoding/), and the workgroup that finishes last merges
// them, always in the same order; or attention_merge.comp does.
#include "lanes.glsl"
#include "kv.glsl"
#include "rows.glsl"

layout(constant_id = 2) const uint POSITIONS = 1; // that a lane scores together
layout(constant_id = 3) const uint TILE = 128;    // a multiple of LANES * POSITIONS, and of PAGE
layout(constant_id = 4) const uint MERGE = 1;     // the last workgroup of a head merges

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Pages { uint pages[]; };
layout(set = 0, binding = 2, std430) readonly buffer Q { vec4 q[]; };
layout(set = 0, binding = 3, std430) readonly buffer KCache { uvec4 k_cache[]; };
layout(set = 0, binding = 3, std430) readonly buffer KScales { float k_scales[]; };
layout(set = 0, binding = 4, std430) readonly buffer VCache { uvec4 v_cache[]; };
layout(set = 0, binding = 4, std430) readonly buffer VScales { float v_scales[]; };
layout(set = 0, binding = 5, std430) coherent buffer Partial { vec4 partial[]; };
layout(set = 0, binding = 6, std430) coherent buffer Done { uint done[]; }; // [row][head] splits done: 0 between steps
layout(set = 0, binding = 7, std430) writeonly buffer Y { vec4 y[]; };

layout(push_constant) uniform Push {
    uint heads;
    uint kv_heads;
    uint head_dim;
    uint max_pages;
    uint split;      // positions a split, a multiple of PAGE
    uint max_splits; // stride of partial
    float scale;
    uint rows;
} push;

const float LOWEST = -3.4e38;
const uint MAX_HEAD_DIM = 256;
const uint SLOTS = LANES > MAX_HEAD_DIM / KV_UNIT ? LANES : MAX_HEAD_DIM / KV_UNIT; // units of values, of a head or of several groups of positions
const uint QUADS = KV_UNIT / 4;

shared vec4 value[QUADS * SLOTS]; // [quad][slot]
shared float weight[TILE];        // a position's score, then exp(score - maximum)
shared float of_lane[LANES];
shared uint finished;

#include "attention_merge.glsl"

// Scores positions base.. below end into weight, and gives the lane's greatest.
float scores(uint table, uint kv, uint q_base, uint base, uint end, uint lane) {
    float maximum = LOWEST;
    for (uint sweep = base; sweep < min(base + TILE, end); sweep += LANES * POSITIONS) {
        uint head[POSITIONS], token[POSITIONS];
        float score[POSITIONS];
        for (uint j = 0u; j < POSITIONS; j++) {
            uint position = min(sweep + j * LANES + lane, end - 1u);
            head[j] = kv_head(pages[table + position / PAGE], kv, push.kv_heads, push.head_dim);
            token[j] = position % PAGE;
            score[j] = 0.0;
        }
        for (uint block = 0u; block < push.head_dim / KV_BLOCK; block++) {
            float sum[POSITIONS];
            for (uint j = 0u; j < POSITIONS; j++) sum[j] = 0.0;
            for (uint u = 0u; u < KV_UNITS; u++) {
                uint unit = block * KV_UNITS + u;
                vec4 x[QUADS];
                for (uint i = 0u; i < QUADS; i++) x[i] = q[q_base + unit * QUADS + i];
                for (uint j = 0u; j < POSITIONS; j++) {
                    uvec4 k = k_cache[head[j] + k_unit(token[j], unit)];
                    for (uint i = 0u; i < QUADS; i++) sum[j] += dot(x[i], kv_quad(k, i));
                }
            }
            for (uint j = 0u; j < POSITIONS; j++) {
                if (KV == KV_Q8) sum[j] *= k_scales[4u * head[j] + k_scale(token[j], block, push.head_dim)];
                score[j] += sum[j];
            }
        }
        for (uint j = 0u; j < POSITIONS; j++) {
            uint i = sweep - base + j * LANES + lane;
            float s = base + i < end ? score[j] * push.scale : LOWEST;
            weight[i] = s;
            maximum = max(maximum, s);
        }
    }
    return maximum;
}

// Adds the weighted values of positions base.. below end to value * rescale.
void values(uint table, uint kv, uint base, uint end, uint lane, float rescale) {
    uint units = push.head_dim / KV_UNIT, groups = max(1u, LANES / units);
    uint group = lane / units;
    if (group >= groups) return;
    uint stop = min(base + TILE, end);
    for (uint unit = lane - group * units; unit < units; unit += LANES) {
        uint slot = group * units + unit;
        vec4 sum[QUADS];
        for (uint i = 0u; i < QUADS; i++) sum[i] = value[i * SLOTS + slot] * rescale;
        for (uint first = base; first < stop; first += PAGE) {
            uint head = kv_head(pages[table + first / PAGE], kv, push.kv_heads, push.head_dim);
            uint count = min(PAGE, stop - first);
            for (uint t = 4u * group; t < count; t += 4u * groups) {
                uvec4 v[4];
                float w[4];
                for (uint k = 0u; k < 4u; k++) {
                    uint token = min(t + k, count - 1u); // what lies behind may be NaN, its weight is 0
                    v[k] = v_cache[head + v_unit(token, unit, push.head_dim)];
                    w[k] = weight[first - base + t + k];
                    if (KV == KV_Q8) w[k] *= v_scales[4u * head + v_scale(token, unit / KV_UNITS, push.head_dim)];
                }
                for (uint k = 0u; k < 4u; k++)
                    for (uint i = 0u; i < QUADS; i++) sum[i] += w[k] * kv_quad(v[k], i);
            }
        }
        for (uint i = 0u; i < QUADS; i++) value[i * SLOTS + slot] = sum[i];
    }
}

void main() {
    uint head = gl_WorkGroupID.x, split = gl_WorkGroupID.y, row = gl_WorkGroupID.z;
    uint lane = gl_LocalInvocationID.x;
    Row r = rows[row];
    uint begin = split * push.split;
    uint end = min(r.position + 1u, begin + push.split);
    if (begin >= end) return; // another row of the step is longer

    uint item = row * push.heads + head;
    uint kv = head / (push.heads / push.kv_heads), table = r.sequence * push.max_pages;
    uint quads = push.head_dim / 4u;
    for (uint i = lane; i < QUADS * SLOTS; i += LANES) value[i] = vec4(0.0);
    float maximum = LOWEST, sum = 0.0; // sum: this lane's part
    for (uint base = begin; base < end; base += TILE) {
        of_lane[lane] = scores(table, kv, item * quads, base, end, lane);
        barrier();
        float previous = maximum;
        for (uint i = 0u; i < LANES; i++) maximum = max(maximum, of_lane[i]);
        float rescale = exp(previous - maximum);
        sum *= rescale;
        for (uint sweep = 0u; sweep < min(TILE, end - base); sweep += LANES * POSITIONS) {
            for (uint j = 0u; j < POSITIONS; j++) {
                float p = exp(weight[sweep + j * LANES + lane] - maximum);
                weight[sweep + j * LANES + lane] = p;
                sum += p;
            }
        }
        barrier();
        values(table, kv, base, end, lane, rescale);
        barrier();
    }

    of_lane[lane] = sum;
    barrier();
    float total = 0.0;
    for (uint i = 0u; i < LANES; i++) total += of_lane[i];
    uint splits = r.position / push.split + 1u;
    bool whole = (MERGE != 0u ? splits : push.max_splits) == 1u;
    uint from = item * push.max_splits * (1u + quads), at = from + split * (1u + quads);
    uint units = push.head_dim / KV_UNIT, groups = max(1u, LANES / units);
    for (uint d = lane; d < quads; d += LANES) {
        vec4 v = value[d % QUADS * SLOTS + d / QUADS];
        for (uint g = 1u; g < groups; g++) v += value[d % QUADS * SLOTS + g * units + d / QUADS];
        if (whole) y[item * quads + d] = v / total;
        else partial[at + 1u + d] = v;
    }
    if (whole) return;
    if (lane == 0u) partial[at] = vec4(maximum, total, 0.0, 0.0);
    if (MERGE == 0u) return;

    memoryBarrierBuffer();
    barrier();
    if (lane == 0u) finished = atomicAdd(done[item], 1u);
    barrier();
    if (finished + 1u < splits) return;
    memoryBarrierBuffer();
    merge_splits(from, splits, push.head_dim, item * quads, lane);
    if (lane == 0u) done[item] = 0u;
}
