// Workgroup helpers: LANES invocations, set at pipeline creation.
layout(constant_id = 0) const uint LANES = 64;
layout(local_size_x_id = 0) in;

// The grid is folded into x and y where it exceeds one dimension's limit.
uint group_index() {
    return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
}
