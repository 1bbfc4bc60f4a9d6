#version 450
#extension GL_GOOGLE_include_directive : require
// Merges the partial results of attention.comp: y[row][head] is the softmax-weighted
// mean of the values over all splits of the row's sequence.
#include "lanes.glsl"
#include "rows.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Partial { float partial[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Y { float y[]; };

layout(push_constant) uniform Push {
    uint heads;
    uint head_dim;
    uint split;
    uint max_splits;
} push;

void main() {
    uint head = gl_WorkGroupID.x, row = gl_WorkGroupID.z;
    uint splits = rows[row].position / push.split + 1u;
    uint stride = 2u + push.head_dim;
    uint from = (row * push.heads + head) * push.max_splits * stride;
    float maximum = partial[from];
    for (uint s = 1u; s < splits; s++) maximum = max(maximum, partial[from + s * stride]);
    float total = 0.0;
    for (uint s = 0u; s < splits; s++)
        total += exp(partial[from + s * stride] - maximum) * partial[from + s * stride + 1u];
    for (uint d = gl_LocalInvocationID.x; d < push.head_dim; d += LANES) {
        float sum = 0.0;
        for (uint s = 0u; s < splits; s++)
            sum += exp(partial[from + s * stride] - maximum) * partial[from + s * stride + 2u + d];
        y[(row * push.heads + head) * push.head_dim + d] = sum / total;
    }
}
