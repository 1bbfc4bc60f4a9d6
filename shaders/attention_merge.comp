#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// The merge of attention.comp's splits as a dispatch of its own.
#include "lanes.glsl"
#include "rows.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Partial { vec4 partial[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Y { vec4 y[]; };

layout(push_constant) uniform Push {
    uint heads;
    uint head_dim;
    uint split;
    uint max_splits;
} push;

#include "splits.glsl"
#include "attention_merge.glsl"

void main() {
    uint head = gl_WorkGroupID.x, row = gl_WorkGroupID.z;
    uint position = rows[row].position, splits = position / split_positions(position + 1u) + 1u;
    uint item = row * push.heads + head;
    merge_splits(item * push.max_splits * (1u + push.head_dim / 4u), splits, push.head_dim,
                 item * (push.head_dim / 4u), gl_LocalInvocationID.x);
}
