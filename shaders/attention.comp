#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// Causal attention of one head of one row over one split of its sequence's positions,
// read from the paged KV cache. Scores have lane = position, so that nothing is
// reduced over lanes and q is read at one address; values have lane = dimension. Tiles
// of positions share a maximum, by the online softmax of https://arxiv.org/abs/1805.02867.
//
// A row with several splits leaves their partial results in memory (Flash-Decoding,
// https://pytorch.org/blog/flash-decoding/), and the workgroup that finishes last merges
// them, always in the same order; or attention_merge.comp does.
#include "limits_gen.glsl"
#include "lanes.glsl"
#include "kv.glsl"
#include "rows.glsl"

layout(constant_id = 2) const uint POSITIONS = 1; // that a lane scores together
layout(constant_id = 3) const uint TILE = 128;    // a multiple of LANES * POSITIONS, and of PAGE
layout(constant_id = 4) const uint MERGE = 1;     // the last workgroup of a head merges
layout(constant_id = 5) const uint BLOCKS = 2;    // of K that a lane loads before it uses them
layout(constant_id = 6) const uint TOKENS = 8;    // of V, the same; divides PAGE and LANES * POSITIONS

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
    uint split;      // positions a split at least, a multiple of PAGE
    uint max_splits; // of a sequence: longer ones have longer splits; stride of partial
    float scale;
    uint rows;
} push;

const float LOWEST = -3.4e38;
const uint SLOTS = LANES > MAX_HEAD_DIM / KV_UNIT ? LANES : MAX_HEAD_DIM / KV_UNIT; // units of values, of a head or of several groups of positions
const uint QUADS = KV_UNIT / 4;

shared vec4 value[QUADS * SLOTS]; // [quad][slot]
shared float weight[TILE];        // a position's score, then exp(score - maximum)
shared float of_lane[LANES];
shared uint page_at[TILE / PAGE]; // of the tile, as kv_head
shared uint finished;

#include "splits.glsl"
#include "attention_merge.glsl"

// Scores positions base.. below end into weight, and gives the lane's greatest.
float scores(uint table, uint kv, uint q_base, uint base, uint end, uint lane) {
    float maximum = LOWEST;
    for (uint sweep = base; sweep < min(base + TILE, end); sweep += LANES * POSITIONS) {
        uint head[POSITIONS], token[POSITIONS];
        float score[POSITIONS];
        [[unroll]] for (uint j = 0u; j < POSITIONS; j++) {
            uint position = min(sweep + j * LANES + lane, end - 1u);
            head[j] = kv_head(pages[table + position / PAGE], kv, push.kv_heads, push.head_dim);
            token[j] = position % PAGE;
            score[j] = 0.0;
        }
        uint blocks = push.head_dim / KV_BLOCK;
        for (uint first = 0u; first < blocks; first += BLOCKS) {
            [[unroll]] for (uint b = 0u; b < BLOCKS; b++) {
                uint block = BLOCKS == 1u ? first : min(first + b, blocks - 1u);
                float sum[POSITIONS];
                [[unroll]] for (uint j = 0u; j < POSITIONS; j++) sum[j] = 0.0;
                [[unroll]] for (uint u = 0u; u < KV_UNITS; u++) {
                    uint unit = block * KV_UNITS + u;
                    vec4 x[QUADS];
                    [[unroll]] for (uint i = 0u; i < QUADS; i++) x[i] = q[q_base + unit * QUADS + i];
                    [[unroll]] for (uint j = 0u; j < POSITIONS; j++) {
                        uvec4 k = k_cache[head[j] + k_unit(token[j], unit)];
                        [[unroll]] for (uint i = 0u; i < QUADS; i++) sum[j] += dot(x[i], kv_quad(k, i));
                    }
                }
                [[unroll]] for (uint j = 0u; j < POSITIONS; j++) {
                    if (KV == KV_Q8) sum[j] *= k_scales[4u * head[j] + k_scale(token[j], block, push.head_dim)];
                    if (BLOCKS == 1u || first + b < blocks) score[j] += sum[j];
                }
            }
        }
        [[unroll]] for (uint j = 0u; j < POSITIONS; j++) {
            uint i = sweep - base + j * LANES + lane;
            float s = base + i < end ? score[j] * push.scale : LOWEST;
            weight[i] = s;
            maximum = max(maximum, s);
        }
    }
    return maximum;
}

// Adds the weighted values of the tile's first count positions to value * rescale.
void values(uint count, uint lane, float rescale) {
    uint units = push.head_dim / KV_UNIT, groups = max(1u, LANES / units);
    uint group = lane / units;
    if (group >= groups) return;
    for (uint unit = lane - group * units; unit < units; unit += LANES) {
        uint slot = group * units + unit;
        vec4 sum[QUADS];
        [[unroll]] for (uint i = 0u; i < QUADS; i++) sum[i] = value[i * SLOTS + slot] * rescale;
        for (uint t = TOKENS * group; t < count; t += TOKENS * groups) {
            uint head = page_at[t / PAGE];
            uvec4 v[TOKENS];
            float w[TOKENS];
            [[unroll]] for (uint k = 0u; k < TOKENS; k++) {
                uint token = min(t + k, count - 1u) % PAGE; // what lies behind may be NaN, its weight is 0
                v[k] = v_cache[head + v_unit(token, unit, push.head_dim)];
                w[k] = weight[t + k];
                if (KV == KV_Q8) w[k] *= v_scales[4u * head + v_scale(token, unit / KV_UNITS, push.head_dim)];
            }
            [[unroll]] for (uint k = 0u; k < TOKENS; k++)
                [[unroll]] for (uint i = 0u; i < QUADS; i++) sum[i] += w[k] * kv_quad(v[k], i);
        }
        [[unroll]] for (uint i = 0u; i < QUADS; i++) value[i * SLOTS + slot] = sum[i];
    }
}

void main() {
    uint head = gl_WorkGroupID.x, split = gl_WorkGroupID.y, row = gl_WorkGroupID.z;
    uint lane = gl_LocalInvocationID.x;
    Row r = rows[row];
    uint positions = split_positions(r.position + 1u), begin = split * positions;
    uint end = min(r.position + 1u, begin + positions);
    if (begin >= end) return; // another row of the step has more splits

    uint item = row * push.heads + head;
    uint kv = head / (push.heads / push.kv_heads), table = r.sequence * push.max_pages;
    uint quads = push.head_dim / 4u;
    for (uint i = lane; i < QUADS * SLOTS; i += LANES) value[i] = vec4(0.0);
    float maximum = LOWEST, sum = 0.0; // sum: this lane's part
    for (uint base = begin; base < end; base += TILE) {
        for (uint i = lane; i < TILE / PAGE && base + i * PAGE < end; i += LANES)
            page_at[i] = kv_head(pages[table + base / PAGE + i], kv, push.kv_heads, push.head_dim);
        of_lane[lane] = scores(table, kv, item * quads, base, end, lane);
        barrier();
        float previous = maximum;
        for (uint i = 0u; i < LANES; i++) maximum = max(maximum, of_lane[i]);
        float rescale = exp(previous - maximum);
        sum *= rescale;
        for (uint sweep = 0u; sweep < min(TILE, end - base); sweep += LANES * POSITIONS) {
            [[unroll]] for (uint j = 0u; j < POSITIONS; j++) {
                float p = exp(weight[sweep + j * LANES + lane] - maximum);
                weight[sweep + j * LANES + lane] = p;
                sum += p;
            }
        }
        barrier();
        values(min(TILE, end - base), lane, rescale);
        barrier();
    }

    of_lane[lane] = sum;
    barrier();
    float total = 0.0;
    for (uint i = 0u; i < LANES; i++) total += of_lane[i];
    uint splits = r.position / positions + 1u;
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
