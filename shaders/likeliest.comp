#version 450
#extension GL_GOOGLE_include_directive : require
// Of a share of a row's logits the greatest, the sum of all probabilities relative to it, and the
// likeliest tokens in order. A workgroup a share.
#include "lanes.glsl"
#include "rows.glsl"
#include "sampling.glsl"
const uint CANDIDATES = 20u * 16u; // the tokens of NAMED runs
#include "likely.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Logits { float logits[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Shares { uint shares[]; }; // [row][share][SHARE_WORDS]

layout(push_constant) uniform Push {
    uint vocab;
} push;

shared float logit[SHARE];
shared uvec2 run_best[RUNS]; // a run is every RUNS-th token of the share
shared float greatest;

void main() {
    uint row = gl_WorkGroupID.z, lane = gl_LocalInvocationID.x, first = gl_WorkGroupID.x * SHARE;
    if (rows[row].step == IDLE) return;
    for (uint i = lane; i < SHARE; i += LANES) {
        float l = first + i < push.vocab ? logits[row * push.vocab + first + i] : NO_LOGIT;
        logit[i] = !is_nan(l) && l >= LEAST_LOGIT ? l : NO_LOGIT;
    }
    if (lane == 0u) candidates = 0u;
    barrier();
    for (uint r = lane; r < RUNS; r += LANES) {
        uvec2 best = uvec2(logit_key(logit[r]), r);
        for (uint i = r + RUNS; i < SHARE; i += RUNS) {
            uvec2 token = uvec2(logit_key(logit[i]), i);
            if (is_likelier(token, best)) best = token;
        }
        run_best[r] = best;
    }
    barrier();
    for (uint r = lane; r < RUNS; r += LANES) {
        uint place = 0u;
        for (uint i = 0u; i < RUNS; i++) place += uint(is_likelier(run_best[i], run_best[r]));
        if (place == 0u) greatest = logit[run_best[r].y];
        if (place == NAMED - 1u) last = run_best[r];
    }
    barrier();
    for (uint i = lane; i < SHARE; i += LANES) add_candidate(uvec2(logit_key(logit[i]), i));
    for (uint r = lane; r < RUNS; r += LANES) {
        float sum = 0.0;
        for (uint i = r; i < SHARE; i += RUNS) sum += relative(logit[i], greatest);
        run_sum[r] = sum;
    }
    float sum = summed();

    uint to = (row * gl_NumWorkGroups.x + gl_WorkGroupID.x) * SHARE_WORDS;
    if (lane == 0u) {
        shares[to] = floatBitsToUint(greatest);
        shares[to + 1u] = floatBitsToUint(sum);
    }
    for (uint i = lane; i < max(candidates, NAMED); i += LANES) {
        uint place = i < candidates ? place_of(candidate[i]) : i;
        if (place >= NAMED) continue;
        uint id = i < candidates ? candidate[i].y : NONE;
        shares[to + 2u + 2u * place] = floatBitsToUint(id != NONE ? logit[id] : NO_LOGIT);
        shares[to + 3u + 2u * place] = id != NONE ? first + id : NONE;
    }
}
