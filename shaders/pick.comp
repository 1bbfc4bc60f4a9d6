#version 450
#extension GL_GOOGLE_include_directive : require
// The best token of a chunk of the vocabulary: of the logits at or above the row's
// threshold, the one with the best key (draw.glsl), which is exact for any threshold.
// advance.comp picks among the chunks.
#include "lanes.glsl"
#include "rows.glsl"
#include "sampling.glsl"
#include "draw.glsl"

layout(constant_id = 1) const uint QUADS = 4; // runs of 4 tokens a lane

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Params { Sampling sampling[]; };
layout(set = 0, binding = 2, std430) readonly buffer Thresholds { float thresholds[]; };
layout(set = 0, binding = 3, std430) readonly buffer Logits { float logits[]; };
layout(set = 0, binding = 4, std430) writeonly buffer Best { uvec2 best[]; }; // [row][chunk] of (key bits, id)

layout(push_constant) uniform Push {
    uint vocab;
} push;

shared float lane_key[LANES];
shared uint lane_id[LANES];

void main() {
    uint row = gl_WorkGroupID.z;
    uint lane = gl_LocalInvocationID.x;
    Row r = rows[row];
    Sampling s = sampling[r.sequence];
    float threshold = thresholds[row];

    float best_key = LEAST;
    uint best_id = NONE;
    for (uint n = 0u; n < QUADS; n++) {
        uint quad = (gl_WorkGroupID.x * QUADS + n) * LANES + lane;
        uvec4 noise = uvec4(0u);
        bool drawn = s.temperature <= 0.0;
        for (uint i = 0u; i < 4u; i++) {
            uint id = quad * 4u + i;
            if (id >= push.vocab) break;
            float l = logits[row * push.vocab + id];
            if (is_nan(l) || !(l >= threshold)) continue;
            if (!drawn) noise = noise_bits(s, quad, r.position);
            drawn = true;
            float key = key_of(s, l, noise[i]);
            if (is_better(key, id, best_key, best_id)) {
                best_key = key;
                best_id = id;
            }
        }
    }
    lane_key[lane] = best_key;
    lane_id[lane] = best_id;
    barrier();
    if (lane != 0u) return;
    for (uint i = 1u; i < LANES; i++) {
        if (is_better(lane_key[i], lane_id[i], best_key, best_id)) {
            best_key = lane_key[i];
            best_id = lane_id[i];
        }
    }
    best[row * gl_NumWorkGroups.x + gl_WorkGroupID.x] = uvec2(floatBitsToUint(best_key), best_id);
}
