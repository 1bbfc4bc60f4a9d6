#version 450
// value[0] = value[0]*3 + 1, count times: the smallest kernel, empty with count 0.
layout(local_size_x = 1) in;

layout(set = 0, binding = 0, std430) buffer Value { uint value[]; };

layout(push_constant) uniform Push {
    uint count;
} push;

void main() {
    for (uint i = 0u; i < push.count; i++) value[0] = value[0] * 3u + 1u;
}
