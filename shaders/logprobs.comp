#version 450
#extension GL_GOOGLE_include_directive : require
// The log-probability of a row's token, and the likeliest tokens with theirs, of what likeliest.comp
// found in the shares of the vocabulary. One workgroup a row.
#include "lanes.glsl"
#include "rows.glsl"
#include "sampling.glsl"
const uint CANDIDATES = 20u * 20u; // the tokens of NAMED shares
#include "likely.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; }; // behind the choice of their tokens
layout(set = 0, binding = 1, std430) readonly buffer Logits { float logits[]; };
layout(set = 0, binding = 2, std430) readonly buffer Shares { uint shares[]; }; // [row][share][SHARE_WORDS]
layout(set = 0, binding = 3, std430) writeonly buffer Found { uint found[]; };  // [row][slot][FOUND_WORDS]

layout(push_constant) uniform Push {
    uint vocab;
    uint slots;
} push;

// id, log-probability, whether no token is likelier, the greatest logit; (log-probability, id) of the likeliest
const uint FOUND_WORDS = 4u + 2u * NAMED;
shared uint greatest_key;

void main() {
    uint row = gl_WorkGroupID.x, lane = gl_LocalInvocationID.x;
    Row r = rows[row];
    if (r.step == IDLE) return;
    uint count = (push.vocab + SHARE - 1u) / SHARE, from = row * count * SHARE_WORDS;
    if (lane == 0u) {
        candidates = 0u;
        greatest_key = 0u;
        last = uvec2(0u, NONE);
    }
    barrier();
    for (uint s = lane; s < count; s += LANES) {
        uint at = from + s * SHARE_WORDS;
        atomicMax(greatest_key, logit_key(uintBitsToFloat(shares[at])));
        if (count < NAMED) continue; // which fit
        uvec2 best = uvec2(logit_key(uintBitsToFloat(shares[at + 2u])), shares[at + 3u]);
        uint place = 0u;
        for (uint i = 0u; i < count; i++) {
            uint other = from + i * SHARE_WORDS + 2u;
            place += uint(is_likelier(uvec2(logit_key(uintBitsToFloat(shares[other])), shares[other + 1u]), best));
        }
        if (place == NAMED - 1u) last = best;
    }
    barrier();
    float greatest = from_sort_key(greatest_key);
    for (uint part = lane; part < RUNS; part += LANES) {
        float sum = 0.0;
        for (uint s = part; s < count; s += RUNS) {
            uint at = from + s * SHARE_WORDS;
            sum += uintBitsToFloat(shares[at + 1u]) * relative(uintBitsToFloat(shares[at]), greatest);
        }
        run_sum[part] = sum;
    }
    for (uint i = lane; i < count * NAMED; i += LANES) {
        uint at = from + i / NAMED * SHARE_WORDS + 2u + 2u * (i % NAMED);
        add_candidate(uvec2(logit_key(uintBitsToFloat(shares[at])), shares[at + 1u]));
    }
    float log_sum = log(summed());

    uint to = (row * push.slots + (r.step - 1u) % push.slots) * FOUND_WORDS;
    if (lane == 0u) {
        float l = r.token < push.vocab ? logits[row * push.vocab + r.token] : NO_LOGIT;
        float off = is_nan(l) ? NO_LOGIT : log_relative(l, greatest);
        found[to] = r.token;
        found[to + 1u] = floatBitsToUint(off >= LEAST_LOGIT ? off - log_sum : NO_LOGIT);
        found[to + 2u] = uint(off == 0.0);
        found[to + 3u] = floatBitsToUint(greatest);
    }
    for (uint i = lane; i < max(candidates, NAMED); i += LANES) {
        uint place = i < candidates ? place_of(candidate[i]) : i;
        if (place >= NAMED) continue;
        uvec2 named = i < candidates ? uvec2(floatBitsToUint(log_relative(from_sort_key(candidate[i].x), greatest) - log_sum), candidate[i].y) : uvec2(0u, NONE);
        found[to + 4u + 2u * place] = named.x;
        found[to + 5u + 2u * place] = named.y;
    }
}
