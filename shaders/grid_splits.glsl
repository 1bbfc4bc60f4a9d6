// Where GRID_SPLITS workgroups share the columns (product.glsl), each leaves its products in memory,
// and the one that finishes last adds them, always in the same order. Nobody waits. The includer has,
// above this, PARTIAL and DONE, the bindings.
layout(set = 0, binding = PARTIAL, std430) coherent buffer Partial { float partial[]; }; // [tile][split] as result
layout(set = 0, binding = DONE, std430) coherent buffer Done { uint done[]; };           // [tile] splits done: 0 between dispatches

shared uint finished;

// Leaves the whole products in result, of one of the workgroups of a tile: for the others it is
// false. All invocations return.
bool merge_grid_splits(uint tile) {
    if (GRID_SPLITS == 1u) return true;
    const uint SIZE = TOKENS * ROWS;
    uint lane = gl_LocalInvocationID.x, first = tile * GRID_SPLITS * SIZE, mine = first + gl_WorkGroupID.z % GRID_SPLITS * SIZE;
    for (uint i = lane; i < SIZE; i += LANES) partial[mine + i] = result[i];
    memoryBarrierBuffer();
    barrier();
    if (lane == 0u) finished = atomicAdd(done[tile], 1u);
    barrier();
    if (finished + 1u < GRID_SPLITS) return false;
    memoryBarrierBuffer();
    for (uint i = lane; i < SIZE; i += LANES) {
        float sum = partial[first + i];
        for (uint s = 1u; s < GRID_SPLITS; s++) sum += partial[first + s * SIZE + i];
        result[i] = sum;
    }
    if (lane == 0u) done[tile] = 0u;
    barrier();
    return true;
}
