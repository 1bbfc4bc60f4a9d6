#version 450
#extension GL_GOOGLE_include_directive : require
// Repeat penalty (CTRL, https://arxiv.org/abs/1909.05858, section 4.1, with the
// sign rule that everybody uses): the logit of every token among the last
// repeat_last_n of the sequence is divided by the penalty if positive, else
// multiplied by it, once. One workgroup a row.
#include "lanes.glsl"
#include "rows.glsl"
#include "sampling.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Params { Sampling sampling[]; };
layout(set = 0, binding = 2, std430) readonly buffer History { uint history[]; };
layout(set = 0, binding = 3, std430) buffer Logits { float logits[]; };

layout(push_constant) uniform Push {
    uint vocab;
    uint context; // history entries a sequence
} push;

void main() {
    Row r = rows[gl_WorkGroupID.x];
    Sampling s = sampling[r.sequence];
    if (s.repeat_penalty == 1.0) return;
    uint count = min(s.repeat_last_n, r.position + 1u);
    uint begin = r.sequence * push.context + r.position + 1u - count;
    for (uint i = gl_LocalInvocationID.x; i < count; i += LANES) {
        uint id = history[begin + i];
        bool seen = false;
        for (uint j = 0u; j < i && !seen; j++) seen = history[begin + j] == id;
        if (seen) continue;
        uint at = gl_WorkGroupID.x * push.vocab + id;
        float l = logits[at];
        logits[at] = l > 0.0 ? l / s.repeat_penalty : l * s.repeat_penalty;
    }
}
