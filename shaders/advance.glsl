// The end of a row's step. rows, ring and grid are bound by the includer.
const uint FLIGHT = 8u; // candidates of a lane that are loaded together
shared uvec2 winner[LANES];

// The one with the greater key, of equal ones the one with the smaller id.
uvec2 better(uvec2 a, uvec2 b) {
    if (b.y == NONE) return a;
    float key = uintBitsToFloat(a.x), other = uintBitsToFloat(b.x);
    return a.y == NONE || other > key || (other == key && b.y < a.y) ? b : a;
}

// Of the workgroup's tokens (key bits, id) the best goes into the ring that the host reads and
// into the row for the next step, the row's position moves on, and the next step's attention grid
// is set. An idle row stays as it is.
void advance(uint row, uvec2 mine) {
    uint lane = gl_LocalInvocationID.x;
    winner[lane] = mine;
    for (uint half_lanes = LANES / 2u; half_lanes > 0u; half_lanes /= 2u) {
        barrier();
        if (lane < half_lanes) winner[lane] = better(winner[lane], winner[lane + half_lanes]);
    }
    if (lane != 0u) return;
    Row r = rows[row];
    if (r.step == IDLE) return;
    r.token = winner[0].y;
    ring[row * push.slots + r.step % push.slots] = r.token;
    r.position += 1u;
    r.step += 1u;
    rows[row] = r;
    // The longest sequence sets the number of splits. All grow, so that it never falls; beyond
    // max_splits it is the splits that grow.
    atomicMax(grid[1], min(r.position / push.split + 1u, push.max_splits));
    if (row == 0u) {
        grid[0] = push.heads;
        grid[2] = push.rows;
    }
}
