#version 450
// One step of a recurrence: dst[i] = src[i] * mul + add + BIAS, for i < n.
// vk's tests chain dispatches of it: each step depends on the one before.
layout(local_size_x = 64) in;
layout(constant_id = 0) const uint BIAS = 0;
layout(push_constant) uniform Push { uint n, mul, add; };
layout(set = 0, binding = 0) readonly buffer Src { uint src[]; };
layout(set = 0, binding = 1) writeonly buffer Dst { uint dst[]; };

void main() {
	uint i = gl_GlobalInvocationID.x;
	if (i < n) dst[i] = src[i] * mul + add + BIAS;
}
