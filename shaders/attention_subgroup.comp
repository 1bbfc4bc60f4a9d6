#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
// attention.comp where subgroups can reduce: each takes SUBGROUP positions at a time on its
// own, with a softmax and values in registers, so that lanes wait for other subgroups only
// when all positions of the split are done. A lane's first loads of V go out before it scores.
// Splits are merged as in attention.comp, but many of them at a time.
#include "lanes.glsl"
#include "kv.glsl"
#include "rows.glsl"

layout(constant_id = 2) const uint SUBGROUP = 32; // lanes of a subgroup
layout(constant_id = 3) const uint HEAD_DIM = 256;
layout(constant_id = 4) const uint WIDTH = 32;  // lanes that take the dimensions of V together, and as many positions: a power of two
layout(constant_id = 5) const uint BLOCKS = 4;  // of K that a lane loads before it uses them; divides HEAD_DIM / KV_BLOCK
layout(constant_id = 6) const uint TOKENS = 16; // of V, the same; divides WIDTH and PAGE
layout(constant_id = 7) const uint MERGE = 1;   // the last workgroup of a head merges

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
    uint head_dim; // HEAD_DIM
    uint max_pages;
    uint split;      // positions a split at least, a multiple of PAGE
    uint max_splits; // of a sequence: longer ones have longer splits; stride of partial
    float scale;
    uint rows;
    uint quantize; // 1: somebody reads Quantized
} push;

#include "splits.glsl"

const float LOWEST = -3.4e38;
const uint QUADS = KV_UNIT / 4, HEAD_QUADS = HEAD_DIM / 4;
const uint UNITS = HEAD_DIM / KV_UNIT;
const uint OF_LANE = (UNITS + WIDTH - 1) / WIDTH;    // units of V that a lane takes
const uint SUBGROUPS = LANES / SUBGROUP;
const uint GROUPS = SUBGROUP / WIDTH;                // of lanes of a subgroup, each at positions of its own
const uint MERGERS = LANES / HEAD_QUADS;             // lanes that share the splits of a quad
const uint TOGETHER = SUBGROUP < 8 * MERGERS ? SUBGROUP : 8 * MERGERS; // splits merged at a time
const uint MERGED = (TOGETHER + MERGERS - 1) / MERGERS;                // of them by a lane
const uint STRIDE = 1 + HEAD_QUADS;                  // of partial

const uint PARTS = SUBGROUPS * GROUPS * HEAD_QUADS;
shared vec4 part[PARTS > LANES ? PARTS : LANES]; // [group][quad] weighted values of a group of lanes, then of mergers
shared vec4 query[HEAD_QUADS];
shared float weight[2 * LANES]; // of positions or splits, in turn: a subgroup's barrier also lets go of the last but one
shared vec2 of_subgroup[SUBGROUPS]; // maximum, sum
shared uint finished;

uint kv, table, end; // KV head, page table and end of the split

// Loads the unit u * WIDTH + lane of V at TOKENS positions from first on. Behind the split's last one
// may be NaN: that is loaded again, and its weight is 0.
void load_values(uint first, uint u, uint lane, out uvec4 v[TOKENS], out float scale[TOKENS]) {
    uint head = kv_head(pages[table + min(first, end - 1u) / PAGE], kv, push.kv_heads, HEAD_DIM);
    uint unit = min(u * WIDTH + lane, UNITS - 1u);
    [[unroll]] for (uint t = 0u; t < TOKENS; t++) {
        uint token = min(first + t, end - 1u) % PAGE;
        v[t] = v_cache[head + v_unit(token, unit, HEAD_DIM)];
        scale[t] = KV == KV_Q8 ? v_scales[4u * head + v_scale(token, unit / KV_UNITS, HEAD_DIM)] : 1.0;
    }
}

// The score of a position before the end.
float score(uint position) {
    uint head = kv_head(pages[table + position / PAGE], kv, push.kv_heads, HEAD_DIM), token = position % PAGE;
    float score = 0.0;
    for (uint first = 0u; first < HEAD_DIM / KV_BLOCK; first += BLOCKS) {
        uvec4 k[BLOCKS * KV_UNITS];
        float scale[BLOCKS];
        [[unroll]] for (uint u = 0u; u < BLOCKS * KV_UNITS; u++) k[u] = k_cache[head + k_unit(token, first * KV_UNITS + u)];
        [[unroll]] for (uint b = 0u; b < BLOCKS; b++)
            scale[b] = KV == KV_Q8 ? k_scales[4u * head + k_scale(token, first + b, HEAD_DIM)] : 1.0;
        [[unroll]] for (uint b = 0u; b < BLOCKS; b++) {
            float sum = 0.0;
            [[unroll]] for (uint u = b * KV_UNITS; u < (b + 1u) * KV_UNITS; u++)
                [[unroll]] for (uint i = 0u; i < QUADS; i++) sum += dot(query[(first * KV_UNITS + u) * QUADS + i], kv_quad(k[u], i));
            score += KV == KV_Q8 ? sum * scale[b] : sum;
        }
    }
    return score;
}

uint block_quad; // of the block that is written, in query
bool wants_quantized() { return push.quantize != 0u; }
float block_value(uint i) { return query[block_quad + i / 4u][i % 4u]; }

#define QUANTIZED 8
#include "quantize.glsl"

// Writes a quad of a row's head; what nobody asks the query any more keeps it for quantize.
void write(uint item, uint d, vec4 v) {
    y[item * HEAD_QUADS + d] = v;
    query[d] = v;
}

// Makes integers of the values of a row's head.
void quantize(uint item) {
    if (!wants_quantized()) return;
    barrier();
    const uint blocks = HEAD_DIM / 16u;
    for (uint i = gl_LocalInvocationID.x; i < 4u * blocks; i += LANES) {
        uint b = i / 4u;
        block_quad = 4u * b;
        quantize_word(item / push.heads, push.heads * HEAD_DIM, item % push.heads * blocks + b, i % 4u);
    }
}

// Merges the splits of a head, whose partial results begin at from, into y.
void merge(uint from, uint splits, uint item, uint turn) {
    uint lane = gl_LocalInvocationID.x, in_subgroup = gl_SubgroupInvocationID, mine = gl_SubgroupID * SUBGROUP;
    uint quad = lane % HEAD_QUADS, merger = lane / HEAD_QUADS; // lanes that are left over do as one more merger
    float maximum = LOWEST, total = 0.0;
    vec4 sum = vec4(0.0);
    for (uint first = 0u; first < splits; first += TOGETHER) {
        vec4 value[MERGED];
        [[unroll]] for (uint i = 0u; i < MERGED; i++)
            value[i] = partial[from + min(first + i * MERGERS + merger, splits - 1u) * STRIDE + 1u + quad];
        uint s = first + in_subgroup;
        vec2 stat = in_subgroup < TOGETHER && s < splits ? partial[from + s * STRIDE].xy : vec2(LOWEST, 0.0);
        float greatest = max(maximum, subgroupMax(stat.x)), rescale = exp(maximum - greatest), w = exp(stat.x - greatest);
        maximum = greatest;
        total = total * rescale + subgroupAdd(w * stat.y);
        uint at = turn * LANES + mine;
        turn = 1u - turn;
        weight[at + in_subgroup] = w;
        subgroupBarrier();
        sum *= rescale;
        [[unroll]] for (uint i = 0u; i < MERGED; i++) {
            uint s = i * MERGERS + merger;
            if (s < TOGETHER) sum += weight[at + s] * value[i];
        }
    }
    part[lane] = sum; // [merger][quad]
    barrier();
    for (uint d = lane; d < HEAD_QUADS; d += LANES) {
        vec4 v = part[d];
        for (uint m = 1u; m < MERGERS; m++) v += part[m * HEAD_QUADS + d];
        write(item, d, v / total);
    }
}

void main() {
    uint head = gl_WorkGroupID.x, split = gl_WorkGroupID.y, row = gl_WorkGroupID.z;
    uint lane = gl_LocalInvocationID.x, in_subgroup = gl_SubgroupInvocationID, mine = gl_SubgroupID * SUBGROUP;
    uint in_group = in_subgroup % WIDTH, group_first = in_subgroup - in_group;
    Row r = rows[row];
    uint length = r.position + 1u, positions = split_positions(length), begin = split * positions;
    end = min(length, begin + positions);
    if (begin >= end) return; // another row of the step has more splits

    uint item = row * push.heads + head;
    kv = head / (push.heads / push.kv_heads);
    table = r.sequence * push.max_pages;
    for (uint i = lane; i < HEAD_QUADS; i += LANES) query[i] = q[item * HEAD_QUADS + i] * push.scale;
    barrier();

    float maximum = LOWEST, sum = 0.0; // sum: this lane's part
    vec4 value[OF_LANE * QUADS];
    [[unroll]] for (uint i = 0u; i < OF_LANE * QUADS; i++) value[i] = vec4(0.0);
    uint turn = 0u;
    // All subgroups go through the sweeps, also those for which the last one has nothing: barriers
    // within a subgroup are for all of the workgroup on some drivers.
    for (uint sweep = begin; sweep < end; sweep += LANES) {
        uint base = sweep + mine, at = turn * LANES + mine;
        uvec4 v[TOKENS];
        float scale[TOKENS];
        if (base < end) {
            load_values(base + group_first, 0u, in_group, v, scale);
            float s = score(min(base + in_subgroup, end - 1u));
            if (base + in_subgroup >= end) s = LOWEST;
            float greatest = max(maximum, subgroupMax(s)), rescale = exp(maximum - greatest), w = exp(s - greatest);
            maximum = greatest;
            sum = sum * rescale + w;
            [[unroll]] for (uint i = 0u; i < OF_LANE * QUADS; i++) value[i] *= rescale;
            weight[at + in_subgroup] = w;
        }
        subgroupBarrier();
        if (base < end) {
            uint count = min(WIDTH, end - base); // positions of the first group, which has most
            [[unroll]] for (uint u = 0u; u < OF_LANE; u++) {
                if (u > 0u) load_values(base + group_first, u, in_group, v, scale);
                for (uint first = 0u;;) {
                    [[unroll]] for (uint t = 0u; t < TOKENS; t++) {
                        float w = weight[at + group_first + first + t] * scale[t];
                        [[unroll]] for (uint i = 0u; i < QUADS; i++) value[u * QUADS + i] += w * kv_quad(v[t], i);
                    }
                    first += TOKENS;
                    if (first >= count) break;
                    load_values(base + group_first + first, u, in_group, v, scale);
                }
            }
        }
        turn = 1u - turn;
    }

    sum = subgroupAdd(sum);
    if (in_subgroup == 0u) of_subgroup[gl_SubgroupID] = vec2(maximum, sum);
    [[unroll]] for (uint u = 0u; u < OF_LANE; u++) {
        uint unit = u * WIDTH + in_group;
        if (unit >= UNITS) continue;
        [[unroll]] for (uint i = 0u; i < QUADS; i++)
            part[(mine + group_first) / WIDTH * HEAD_QUADS + unit * QUADS + i] = value[u * QUADS + i];
    }
    barrier();
    for (uint i = 0u; i < SUBGROUPS; i++) maximum = max(maximum, of_subgroup[i].x);
    float total = 0.0;
    for (uint i = 0u; i < SUBGROUPS; i++) total += exp(of_subgroup[i].x - maximum) * of_subgroup[i].y;
    uint splits = r.position / positions + 1u;
    bool whole = (MERGE != 0u ? splits : push.max_splits) == 1u;
    uint from = item * push.max_splits * STRIDE, to = from + split * STRIDE;
    for (uint d = lane; d < HEAD_QUADS; d += LANES) {
        vec4 v = vec4(0.0);
        for (uint i = 0u; i < SUBGROUPS; i++) {
            float w = exp(of_subgroup[i].x - maximum);
            [[unroll]] for (uint g = 0u; g < GROUPS; g++) v += w * part[(i * GROUPS + g) * HEAD_QUADS + d];
        }
        if (whole) write(item, d, v / total);
        else partial[to + 1u + d] = v;
    }
    if (whole) {
        quantize(item);
        return;
    }
    if (lane == 0u) partial[to] = vec4(maximum, total, 0.0, 0.0);
    if (MERGE == 0u) return;

    memoryBarrierBuffer();
    barrier();
    if (lane == 0u) finished = atomicAdd(done[item], 1u);
    barrier();
    if (finished + 1u < splits) return;
    memoryBarrierBuffer();
    merge(from, splits, item, turn);
    quantize(item);
    if (lane == 0u) done[item] = 0u;
}
