#version 450
#extension GL_GOOGLE_include_directive : require
// Of the tokens of a chunk of the vocabulary whose logits reach the row's threshold the one with
// the greatest key (draw.glsl), where the row's token is chosen BY_MASS. A workgroup a chunk.
#include "lanes.glsl"
#include "rows.glsl"
#include "sampling.glsl"
#include "draw.glsl"

// Runs of 4 tokens that a lane looks at.
layout(constant_id = 1) const uint QUADS = 4;

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Params { Sampling sampling[]; };
layout(set = 0, binding = 2, std430) readonly buffer Thresholds { uint thresholds[]; };
layout(set = 0, binding = 3, std430) readonly buffer Logits { float logits[]; };
layout(set = 0, binding = 4, std430) readonly buffer Best { uvec2 best[]; };      // [row][tile] of (key bits, id)
layout(set = 0, binding = 5, std430) writeonly buffer Picked { uvec2 picked[]; }; // [row][chunk] of (key bits, id)

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
    if (choice_of(s) != BY_MASS) return;
    uint threshold = thresholds[row], tiles = (push.vocab + 31u) / 32u;

    float best_key = LEAST;
    uint best_id = NONE;
    for (uint n = 0u; n < QUADS; n++) {
        uint quad = (gl_WorkGroupID.x * QUADS + n) * LANES + lane;
        if (quad * 4u >= push.vocab || sort_key(uintBitsToFloat(best[row * tiles + quad / 8u].x)) < threshold) continue;
        uvec4 noise = uvec4(0u);
        bool drawn = false;
        for (uint i = 0u; i < 4u; i++) {
            uint id = quad * 4u + i;
            if (id >= push.vocab) break;
            float l = logits[row * push.vocab + id];
            if (sort_key(l) < threshold) continue;
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
    picked[row * gl_NumWorkGroups.x + gl_WorkGroupID.x] = uvec2(floatBitsToUint(best_key), best_id);
}
