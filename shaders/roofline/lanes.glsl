// LANES invocations a workgroup, set at pipeline creation.
layout(constant_id = 0) const uint LANES = 64;
layout(local_size_x_id = 0) in;

// lane is constant where there is only one: CPU drivers then load once for a whole SIMD
// vector instead of lane by lane.
uint lane() { return LANES == 1u ? 0u : gl_LocalInvocationID.x; }

uint invocation() { return gl_WorkGroupID.x * LANES + lane(); }
