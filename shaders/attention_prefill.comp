#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// Causal attention of one head of a tile of rows over one split of their sequence's
// positions, which the rows load once together: FlashAttention-2, https://arxiv.org/abs/2307.08691,
// over the paged KV cache. Rows of several sequences are worked on in runs of the same one.
// Splits are merged as in attention.comp.
#include "limits_gen.glsl"
#include "lanes.glsl"
#include "kv.glsl"
#include "rows.glsl"

layout(constant_id = 2) const uint ROWS = 4;  // of a lane
layout(constant_id = 3) const uint TILE = 64; // positions that are weighed together, a multiple of PAGE
layout(constant_id = 4) const uint MERGE = 1;

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Pages { uint pages[]; };
layout(set = 0, binding = 2, std430) readonly buffer Q { vec4 q[]; };
layout(set = 0, binding = 3, std430) readonly buffer KCache { uvec4 k_cache[]; };
layout(set = 0, binding = 3, std430) readonly buffer KScales { float k_scales[]; };
layout(set = 0, binding = 4, std430) readonly buffer VCache { uvec4 v_cache[]; };
layout(set = 0, binding = 4, std430) readonly buffer VHalves { uvec2 v_halves[]; };
layout(set = 0, binding = 4, std430) readonly buffer VScales { float v_scales[]; };
layout(set = 0, binding = 5, std430) coherent buffer Partial { vec4 partial[]; };
layout(set = 0, binding = 6, std430) coherent buffer Done { uint done[]; };
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
const uint OCTETS = MAX_HEAD_DIM / 8;               // of the largest head: what a lane accumulates
const uint LINE = LANES < PAGE ? LANES : PAGE;      // lanes that score the positions of a page
const uint POSITIONS = PAGE / LINE;                 // of a lane
const uint GROUPS = LANES / LINE;                   // lines, of ROWS rows each
const uint ALL = ROWS * GROUPS;                     // rows of the workgroup
const bool KEPT = LANES >= OCTETS;                  // accumulators stay in registers from tile to tile
const uint QUADS = KV_UNIT / 4;

shared float weight[ALL * TILE];     // [row][position] score, then exp(score - maximum)
shared float of_lane[ALL * LINE];    // [row][lane of its line]
shared float of_row[ALL];
shared vec4 value[KEPT ? 1 : 2 * ROWS * OCTETS]; // [row][half][octet]
shared uint finished[ALL];

#include "attention_merge.glsl"

// Dimensions 8 octet.. of V at a token of a page.
void v_octet(uint head, uint token, uint octet, out vec4 lo, out vec4 hi) {
    if (KV == KV_F32) {
        lo = kv_quad(v_cache[head + v_unit(token, 2u * octet, push.head_dim)], 0u);
        hi = kv_quad(v_cache[head + v_unit(token, 2u * octet + 1u, push.head_dim)], 0u);
    } else if (KV == KV_F16) {
        uvec4 v = v_cache[head + v_unit(token, octet, push.head_dim)];
        lo = kv_quad(v, 0u);
        hi = kv_quad(v, 1u);
    } else {
        uvec2 v = v_halves[2u * (head + v_unit(token, octet / 2u, push.head_dim)) + octet % 2u];
        float scale = v_scales[4u * head + v_scale(token, octet / 4u, push.head_dim)];
        lo = scale * kv_quad(v.xyxy, 0u);
        hi = scale * kv_quad(v.xyxy, 1u);
    }
}

// Rows first..last-1, counted in the workgroup, which are of one sequence.
void attend(uint tile, uint first, uint last) {
    uint head = gl_WorkGroupID.x, split = gl_WorkGroupID.y;
    uint lane = gl_LocalInvocationID.x, in_line = lane % LINE, mine = lane / LINE * ROWS; // rows mine..
    uint kv = head / (push.heads / push.kv_heads), quads = push.head_dim / 4u;
    uint begin = split * push.split, end = 0u;
    for (uint i = first; i < last; i++) end = max(end, min(rows[tile + i].position + 1u, begin + push.split));
    if (begin >= end) return;
    uint table = rows[tile + first].sequence * push.max_pages;

    uint limit[ROWS], from[ROWS]; // positions that a row sees; its q
    float maximum[ROWS], sum[ROWS];
    [[unroll]] for (uint r = 0u; r < ROWS; r++) {
        uint i = mine + r;
        limit[r] = i >= first && i < last ? min(rows[tile + i].position + 1u, end) : 0u;
        from[r] = (min(tile + i, push.rows - 1u) * push.heads + head) * quads;
        maximum[r] = LOWEST;
        sum[r] = 0.0;
    }
    vec4 kept[2 * ROWS]; // [row][half] of the lane's octet
    [[unroll]] for (uint i = 0u; i < 2u * ROWS; i++) kept[i] = vec4(0.0);
    uint octets = push.head_dim / 8u, items = octets * GROUPS;
    if (!KEPT) for (uint i = lane; i < 2u * ROWS * OCTETS; i += LANES) value[i] = vec4(0.0);

    for (uint base = begin; base < end; base += TILE) {
        uint stop = min(base + TILE, end);
        float greatest[ROWS];
        [[unroll]] for (uint r = 0u; r < ROWS; r++) greatest[r] = maximum[r];
        for (uint page = base; page < stop; page += PAGE) {
            uint at = kv_head(pages[table + page / PAGE], kv, push.kv_heads, push.head_dim);
            float score[ROWS * POSITIONS];
            uint token[POSITIONS];
            [[unroll]] for (uint j = 0u; j < POSITIONS; j++) token[j] = min(j * LINE + in_line, end - 1u - page);
            [[unroll]] for (uint i = 0u; i < ROWS * POSITIONS; i++) score[i] = 0.0;
            for (uint block = 0u; block < push.head_dim / KV_BLOCK; block++) {
                float scale[POSITIONS];
                [[unroll]] for (uint j = 0u; j < POSITIONS; j++)
                    scale[j] = KV == KV_Q8 ? k_scales[4u * at + k_scale(token[j], block, push.head_dim)] : 1.0;
                [[unroll]] for (uint u = 0u; u < KV_UNITS; u++) {
                    uint unit = block * KV_UNITS + u;
                    vec4 k[POSITIONS * QUADS];
                    [[unroll]] for (uint j = 0u; j < POSITIONS; j++) {
                        uvec4 raw = k_cache[at + k_unit(token[j], unit)];
                        [[unroll]] for (uint i = 0u; i < QUADS; i++) {
                            k[j * QUADS + i] = kv_quad(raw, i);
                            if (KV == KV_Q8) k[j * QUADS + i] *= scale[j];
                        }
                    }
                    [[unroll]] for (uint r = 0u; r < ROWS; r++) {
                        [[unroll]] for (uint i = 0u; i < QUADS; i++) {
                            vec4 x = q[from[r] + unit * QUADS + i];
                            [[unroll]] for (uint j = 0u; j < POSITIONS; j++) score[r * POSITIONS + j] += dot(x, k[j * QUADS + i]);
                        }
                    }
                }
            }
            [[unroll]] for (uint r = 0u; r < ROWS; r++) {
                [[unroll]] for (uint j = 0u; j < POSITIONS; j++) {
                    uint i = page + j * LINE + in_line;
                    float s = i < limit[r] ? score[r * POSITIONS + j] * push.scale : LOWEST;
                    weight[(mine + r) * TILE + i - base] = s;
                    greatest[r] = max(greatest[r], s);
                }
            }
        }
        [[unroll]] for (uint r = 0u; r < ROWS; r++) of_lane[(mine + r) * LINE + in_line] = greatest[r];
        barrier();
        // Loops over rows lie within the others: one around them is not unrolled by all
        // compilers, and what it indexes moves to memory.
        float rescale[ROWS];
        [[unroll]] for (uint r = 0u; r < ROWS; r++) rescale[r] = maximum[r];
        for (uint i = 0u; i < LINE; i++)
            [[unroll]] for (uint r = 0u; r < ROWS; r++) maximum[r] = max(maximum[r], of_lane[(mine + r) * LINE + i]);
        [[unroll]] for (uint r = 0u; r < ROWS; r++) {
            rescale[r] = exp(rescale[r] - maximum[r]);
            if (in_line == 0u) of_row[mine + r] = rescale[r];
            sum[r] *= rescale[r];
        }
        for (uint i = base + in_line; i < stop; i += LINE) {
            [[unroll]] for (uint r = 0u; r < ROWS; r++) {
                uint at = (mine + r) * TILE + i - base;
                float p = i < limit[r] ? exp(weight[at] - maximum[r]) : 0.0;
                weight[at] = p;
                sum[r] += p;
            }
        }
        // Quads of positions go beyond the last one.
        for (uint i = stop + in_line; i < (stop + 3u & ~3u); i += LINE)
            [[unroll]] for (uint r = 0u; r < ROWS; r++) weight[(mine + r) * TILE + i - base] = 0.0;
        barrier();
        for (uint item = lane; item < items; item += LANES) {
            uint octet = item % octets, chunk = item / octets * ROWS;
            if (!KEPT) [[unroll]] for (uint i = 0u; i < 2u * ROWS; i++) kept[i] = value[i * OCTETS + octet];
            [[unroll]] for (uint r = 0u; r < ROWS; r++) {
                kept[2u * r] *= of_row[chunk + r];
                kept[2u * r + 1u] *= of_row[chunk + r];
            }
            for (uint page = base; page < stop; page += PAGE) {
                uint at = kv_head(pages[table + page / PAGE], kv, push.kv_heads, push.head_dim);
                uint count = min(PAGE, stop - page);
                for (uint t = 0u; t < count; t += 4u) {
                    vec4 lo[4], hi[4];
                    [[unroll]] for (uint k = 0u; k < 4u; k++) v_octet(at, min(t + k, count - 1u), octet, lo[k], hi[k]);
                    [[unroll]] for (uint r = 0u; r < ROWS; r++) {
                        [[unroll]] for (uint k = 0u; k < 4u; k++) {
                            float w = weight[(chunk + r) * TILE + page - base + t + k];
                            kept[2u * r] += w * lo[k];
                            kept[2u * r + 1u] += w * hi[k];
                        }
                    }
                }
            }
            if (!KEPT) [[unroll]] for (uint i = 0u; i < 2u * ROWS; i++) value[i * OCTETS + octet] = kept[i];
        }
        barrier();
    }

    [[unroll]] for (uint r = 0u; r < ROWS; r++) of_lane[(mine + r) * LINE + in_line] = sum[r];
    if (in_line == 0u) [[unroll]] for (uint r = 0u; r < ROWS; r++) of_row[mine + r] = maximum[r];
    barrier();
    uint stride = 1u + quads;
    for (uint item = lane; item < items; item += LANES) {
        uint octet = item % octets, chunk = item / octets * ROWS;
        [[unroll]] for (uint r = 0u; r < ROWS; r++) {
            uint i = chunk + r;
            if (i < first || i >= last) continue;
            uint position = rows[tile + i].position, splits = position / push.split + 1u;
            if (split >= splits) continue;
            vec4 lo = KEPT ? kept[2u * r] : value[2u * r * OCTETS + octet];
            vec4 hi = KEPT ? kept[2u * r + 1u] : value[(2u * r + 1u) * OCTETS + octet];
            float total = 0.0;
            for (uint l = 0u; l < LINE; l++) total += of_lane[i * LINE + l];
            uint to = (tile + i) * push.heads + head;
            if ((MERGE != 0u ? splits : push.max_splits) == 1u) {
                y[to * quads + 2u * octet] = lo / total;
                y[to * quads + 2u * octet + 1u] = hi / total;
            } else {
                uint at = (to * push.max_splits + split) * stride;
                partial[at + 1u + 2u * octet] = lo;
                partial[at + 2u + 2u * octet] = hi;
                if (octet == 0u) partial[at] = vec4(of_row[i], total, 0.0, 0.0);
            }
        }
    }
    if (MERGE == 0u || push.max_splits == 1u) return;

    memoryBarrierBuffer();
    barrier();
    for (uint i = first + lane; i < last; i += LANES) {
        uint splits = rows[tile + i].position / push.split + 1u;
        finished[i] = 0u;
        if (splits > 1u && split < splits && atomicAdd(done[(tile + i) * push.heads + head], 1u) + 1u == splits) finished[i] = splits;
    }
    barrier();
    memoryBarrierBuffer();
    for (uint i = first; i < last; i++) {
        if (finished[i] == 0u) continue;
        uint item = (tile + i) * push.heads + head;
        merge_splits(item * push.max_splits * stride, finished[i], push.head_dim, item * quads, lane);
        if (lane == 0u) done[item] = 0u;
    }
}

void main() {
    uint tile = gl_WorkGroupID.z * ALL, count = min(ALL, push.rows - tile);
    for (uint first = 0u; first < count;) {
        uint last = first + 1u;
        while (last < count && rows[tile + last].sequence == rows[tile + first].sequence) last++;
        attend(tile, first, last);
        first = last;
        barrier(); // shared memory is used again
    }
}
