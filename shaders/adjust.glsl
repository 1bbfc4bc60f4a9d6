// What changes a row's logits before its token is chosen, in the order of llama.cpp: the
// mask, the biases, the penalties (sampling.glsl) of the tokens in the history. The maxima of
// the tiles that they touch are measured again. One workgroup a row, which leaves counts zero, as
// it found them. rows, sampling, history, biases, mask, counts, logits and best are bound by
// the includer.
const uint TILE_TOKENS = 32u; // a word of the mask
#define NEVER uintBitsToFloat(0xff800000u) // -Inf, which is not drawn

// What the workgroup's invocations wrote is seen by all of them.
void settle() {
    memoryBarrierBuffer();
    barrier();
}

void measure(uint base, uint first_tile, uint tile) {
    float l[TILE_TOKENS];
    [[unroll]] for (uint n = 0u; n < TILE_TOKENS; n++) l[n] = logits[base + min(tile * TILE_TOKENS + n, push.vocab - 1u)];
    float greatest = NEVER;
    [[unroll]] for (uint n = 0u; n < TILE_TOKENS; n++)
        if (!is_nan(l[n])) greatest = max(greatest, l[n]);
    best[first_tile + tile] = uvec2(floatBitsToUint(greatest), NONE);
}

// The keys of the maxima of a lane's next tiles, from first on; 0 past the end.
const uint TILE_LOADS = 8u; // that are loaded together
void load_maxima(uint first_tile, uint tiles, uint first, out uint keys[TILE_LOADS]) {
    uint bits[TILE_LOADS];
    [[unroll]] for (uint j = 0u; j < TILE_LOADS; j++) bits[j] = best[first_tile + min(first + j * LANES, tiles - 1u)].x;
    [[unroll]] for (uint j = 0u; j < TILE_LOADS; j++) keys[j] = first + j * LANES < tiles ? sort_key(uintBitsToFloat(bits[j])) : 0u;
}

void adjust(uint row, Row r, Sampling s) {
    if (!is_adjusted(s)) return;
    uint lane = gl_LocalInvocationID.x, tiles = (push.vocab + TILE_TOKENS - 1u) / TILE_TOKENS;
    uint base = row * push.vocab, first_tile = row * tiles;
    if (s.masked != 0u) {
        for (uint tile = lane; tile < tiles; tile += LANES) {
            uint allowed = mask[r.sequence * tiles + tile];
            if (allowed == 0xffffffffu) continue;
            for (uint n = 0u; n < TILE_TOKENS; n++) {
                uint id = tile * TILE_TOKENS + n;
                if (id < push.vocab && (allowed >> n & 1u) == 0u) logits[base + id] = NEVER;
            }
            measure(base, first_tile, tile);
        }
        settle();
    }
    for (uint i = lane; i < s.biases; i += LANES) {
        uvec2 bias = biases[r.sequence * MAX_BIASES + i];
        if (bias.x < push.vocab) logits[base + bias.x] += uintBitsToFloat(bias.y);
    }
    settle();
    uint count = is_penalized(s) ? min(s.repeat_last_n, r.position + 1u) : 0u;
    uint begin = r.sequence * push.context + r.position + 1u - count;
    for (uint i = lane; i < count; i += LANES) {
        uint id = history[begin + i];
        if (id < push.vocab) atomicAdd(counts[base + id], 1u);
    }
    settle();
    for (uint i = lane; i < count; i += LANES) {
        uint id = history[begin + i];
        uint times = id < push.vocab ? atomicExchange(counts[base + id], 0u) : 0u;
        if (times == 0u) continue; // another invocation has the token
        float l = logits[base + id];
        l = l > 0.0 ? l / s.repeat_penalty : l * s.repeat_penalty;
        logits[base + id] = l - (s.presence_penalty + float(times) * s.frequency_penalty);
    }
    settle();
    for (uint i = lane; i < s.biases + count; i += LANES) {
        uint id = i < s.biases ? biases[r.sequence * MAX_BIASES + i].x : history[begin + i - s.biases];
        if (id < push.vocab) measure(base, first_tile, id / TILE_TOKENS);
    }
    settle();
}
