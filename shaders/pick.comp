#version 450
#extension GL_GOOGLE_include_directive : require
// The best token of a chunk of the vocabulary: of the logits at or above the
// row's threshold, the greatest one (greedy), or the greatest of logit /
// temperature + Gumbel noise, which is a draw from their softmax (Gumbel-max
// trick): no sum over the vocabulary, no sort, and exact for any threshold.
// Equal keys go to the lower id. advance.comp picks among the chunks.
#include "lanes.glsl"
#include "rows.glsl"
#include "sampling.glsl"
#include "philox.glsl"

layout(constant_id = 1) const uint QUADS = 4; // runs of 4 tokens a lane

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Params { Sampling sampling[]; };
layout(set = 0, binding = 2, std430) readonly buffer Thresholds { float thresholds[]; };
layout(set = 0, binding = 3, std430) readonly buffer Logits { float logits[]; };
layout(set = 0, binding = 4, std430) writeonly buffer Best { uvec2 best[]; }; // [row][chunk] of (key bits, id)

layout(push_constant) uniform Push {
    uint vocab;
} push;

const uint NONE = 0xffffffffu;
shared float lane_key[LANES];
shared uint lane_id[LANES];

// -log(-log(u)) for a uniform u made from 32 random bits: -log(1-v), v = 1-u,
// keeps its precision where it matters, at small v.
float gumbel(uint bits) {
    float v = (float(bits) + 0.5) * 2.3283064365386963e-10;
    float e = v < 1e-3 ? v + 0.5 * v * v : -log(max(1.0 - v, 5.9604645e-8));
    return -log(e);
}

void main() {
    uint row = gl_WorkGroupID.z;
    uint lane = gl_LocalInvocationID.x;
    Row r = rows[row];
    Sampling s = sampling[r.sequence];
    float threshold = thresholds[row];
    bool greedy = s.temperature <= 0.0;

    float best_key = -3.4e38;
    uint best_id = NONE;
    for (uint n = 0u; n < QUADS; n++) {
        uint quad = (gl_WorkGroupID.x * QUADS + n) * LANES + lane;
        uvec4 noise = uvec4(0u);
        bool drawn = false;
        for (uint i = 0u; i < 4u; i++) {
            uint id = quad * 4u + i;
            if (id >= push.vocab) break;
            float l = logits[row * push.vocab + id];
            if (is_nan(l) || !(l >= threshold)) continue;
            float key = l;
            if (!greedy) {
                if (!drawn) noise = philox(uvec4(quad, r.position, 0u, 0u), uvec2(s.seed_lo, s.seed_hi));
                drawn = true;
                key = l / s.temperature + gumbel(noise[i]);
            }
            if (best_id == NONE || key > best_key) {
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
        if (lane_id[i] == NONE) continue;
        if (best_id == NONE || lane_key[i] > best_key || (lane_key[i] == best_key && lane_id[i] < best_id)) {
            best_key = lane_key[i];
            best_id = lane_id[i];
        }
    }
    best[row * gl_NumWorkGroups.x + gl_WorkGroupID.x] = uvec2(floatBitsToUint(best_key), best_id);
}
