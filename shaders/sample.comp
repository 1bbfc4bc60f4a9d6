#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// The choice of a row's token, and the end of its step (advance.glsl). One workgroup a row.
//
// BY_RANK, it is done here: adjust.glsl; then top-k, top-p and min-p, which all three keep the
// tokens from some logit upwards, so that one number stands for them and nothing is sorted (ties
// at the threshold are all kept); then the draw (draw.glsl). Of GROUPS groups of tiles the greatest
// logits are known from the tiles' maxima. The k-th of these is at most the k-th of all logits, so
// that few logits besides those that top-k keeps reach it: they are gathered, and each is compared
// with all others. Where ties are too many for that, the row is gone through (select.glsl).
//
// Of other rows the best tokens of their parts are there already.
#include "lanes.glsl"
#include "rows.glsl"
#include "sampling.glsl"
#include "draw.glsl"

layout(set = 0, binding = 0, std430) buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Params { Sampling sampling[]; };
layout(set = 0, binding = 2, std430) readonly buffer History { uint history[]; };
layout(set = 0, binding = 3, std430) readonly buffer Biases { uvec2 biases[]; }; // [sequence][MAX_BIASES] of (id, bits)
layout(set = 0, binding = 4, std430) readonly buffer Mask { uint mask[]; };      // [sequence][tile]
layout(set = 0, binding = 5, std430) buffer Counts { uint counts[]; };           // [row][vocab], zeros
layout(set = 0, binding = 6, std430) coherent buffer Logits { float logits[]; };
layout(set = 0, binding = 7, std430) coherent buffer Best { uvec2 best[]; };     // [row][tile] of (key bits, id)
layout(set = 0, binding = 8, std430) readonly buffer Picked { uvec2 picked[]; }; // [row][chunk] of (key bits, id)
layout(set = 0, binding = 9, std430) writeonly buffer Ring { uint ring[]; };     // [row][slot]
layout(set = 0, binding = 10, std430) buffer Grid { uint grid[]; };              // VkDispatchIndirectCommand

layout(push_constant) uniform Push {
    uint vocab;
    uint context; // history entries a sequence
    uint rows;
    uint chunks; // of pick.comp
    uint slots;
    uint heads;
    uint split;      // positions a split of attention, at least
    uint max_splits; // of a sequence
} push;

#define SELECTS
#include "adjust.glsl"
#include "select.glsl"
#include "advance.glsl"

const uint GROUPS = 256u;
shared uint group_key[GROUPS];
shared uint count; // of candidates, or of tiles that have some
shared uint greatest;
shared uint chosen;

// Candidates lie where the bins do: who gathers them needs no bins, and the other way round. A lane
// compares a bounded number, as drivers may end long loops.
const uint ROOM = 16u * LANES < BINS ? 16u * LANES : BINS;
#define candidate_key bin_count
#define candidate_id bin_lo
#define candidate_mass bin_hi

uint lane() { return gl_LocalInvocationID.x; }

// Gives chosen the value that it has unless a lane finds another.
void otherwise(uint key) {
    barrier(); // who still reads the last choice
    if (lane() == 0u) chosen = key;
    barrier();
}

// Leaves the greatest key of all in greatest, and gives the k-th greatest of the groups'.
uint bound(uint first_tile, uint tiles, uint k) {
    uint groups = min(GROUPS, tiles);
    for (uint g = lane(); g < groups; g += LANES) group_key[g] = 0u;
    if (lane() == 0u) greatest = LOWEST;
    otherwise(LOWEST);
    for (uint first = lane(); first < tiles; first += TILE_LOADS * LANES) {
        uint keys[TILE_LOADS];
        load_maxima(first_tile, tiles, first, keys);
        [[unroll]] for (uint j = 0u; j < TILE_LOADS; j++)
            if (keys[j] != 0u) atomicMax(group_key[(first + j * LANES) % GROUPS], keys[j]);
    }
    barrier();
    for (uint g = lane(); g < groups; g += LANES) {
        uint mine = group_key[g], above = 0u, same = 0u;
        for (uint j = 0u; j < groups; j++) {
            if (group_key[j] > mine) above++;
            if (group_key[j] == mine) same++;
        }
        if (mine <= LOWEST) continue;
        if (above == 0u) greatest = mine;
        if (above < k && k <= above + same) chosen = mine;
    }
    barrier();
    return chosen;
}

// Gathers the tokens whose keys are at least lowest; tells whether there is room for them.
bool gather(uint row, uint first_tile, uint tiles, uint lowest, float maximum) {
    barrier();
    if (lane() == 0u) count = 0u;
    barrier();
    for (uint first = lane(); first < tiles; first += TILE_LOADS * LANES) {
        uint keys[TILE_LOADS];
        load_maxima(first_tile, tiles, first, keys);
        [[unroll]] for (uint j = 0u; j < TILE_LOADS; j++) {
            if (keys[j] < lowest) continue;
            uint at = atomicAdd(count, 1u);
            if (at < ROOM) candidate_mass[at] = first + j * LANES; // its tile, for now
        }
    }
    barrier();
    uint among = count;
    barrier();
    if (among > ROOM) return false;
    if (lane() == 0u) count = 0u;
    barrier();
    for (uint i = lane(); i < among * TILE_TOKENS; i += LANES) {
        uint id = candidate_mass[i / TILE_TOKENS] * TILE_TOKENS + i % TILE_TOKENS;
        if (id >= push.vocab) continue;
        uint key = sort_key(logits[row * push.vocab + id]);
        if (key < lowest) continue;
        uint at = atomicAdd(count, 1u);
        if (at < ROOM) {
            candidate_key[at] = key;
            candidate_id[at] = id;
        }
    }
    barrier();
    if (count > ROOM) return false;
    for (uint i = lane(); i < count; i += LANES) candidate_mass[i] = mass(from_sort_key(candidate_key[i]), maximum);
    barrier();
    return true;
}

// The candidate at which the sum from the top reaches the target, or what otherwise is said;
// leaves the sum up to it.
uint reached(bool by_mass, float target, uint lowest, uint else_key) {
    otherwise(else_key);
    for (uint i = lane(); i < count; i += LANES) {
        uint mine = candidate_key[i];
        if (mine < lowest) continue;
        Sum above = NOTHING, upto = NOTHING;
        for (uint j = 0u; j < count; j++) {
            Sum here = Sum(1u, candidate_mass[j], 0u);
            if (candidate_key[j] > mine) above = plus(above, here);
            if (candidate_key[j] >= mine) upto = plus(upto, here);
        }
        if (amount(above, by_mass) < target && amount(upto, by_mass) >= target) {
            chosen = mine;
            sum_upto = upto; // equal keys write the same
        }
    }
    barrier();
    return chosen;
}

uint select(uint row, bool few, bool by_mass, float target, uint lowest, uint else_key) {
    if (few) return reached(by_mass, target, lowest, else_key);
    barrier();
    if (lane() == 0u) sum_above = NOTHING;
    barrier();
    return narrow(row, by_mass, target, from_sort_key(greatest), lowest, greatest, ANY);
}

uvec2 drawn(Sampling s, uint position, uint id, float logit) {
    return uvec2(floatBitsToUint(key_of(s, logit, noise_bits(s, id / 4u, position)[id % 4u])), id);
}

// The best token of this invocation's.
uvec2 choose_by_rank(uint row, Row r, Sampling s) {
    uint tiles = (push.vocab + TILE_TOKENS - 1u) / TILE_TOKENS, first_tile = row * tiles;
    bool greedy = s.temperature <= 0.0;
    uint k = greedy ? 1u : s.top_k;
    uint lowest = bound(first_tile, tiles, k);
    float maximum = from_sort_key(greatest);
    bool few = gather(row, first_tile, tiles, lowest, maximum);
    if (greedy) {
        lowest = greatest;
    } else {
        if (lane() == 0u) sum_upto = NOTHING;
        lowest = max(lowest, select(row, few, false, float(few ? min(k, count) : k), lowest, lowest));
        if (s.top_p < 1.0) lowest = max(lowest, select(row, few, true, s.top_p * amount(sum_upto, true), lowest, greatest));
        if (s.min_p > 0.0) lowest = max(lowest, sort_key(maximum + log(s.min_p)));
    }
    uvec2 mine = uvec2(0u, NONE);
    if (few) {
        for (uint i = lane(); i < count; i += LANES)
            if (candidate_key[i] >= lowest) mine = better(mine, drawn(s, r.position, candidate_id[i], from_sort_key(candidate_key[i])));
    } else {
        for (uint id = lane(); id < push.vocab; id += LANES) {
            float l = logits[row * push.vocab + id];
            if (sort_key(l) >= lowest) mine = better(mine, drawn(s, r.position, id, l));
        }
    }
    return mine;
}

void main() {
    uint row = gl_WorkGroupID.x;
    Row r = rows[row];
    Sampling s = sampling[r.sequence];
    uint choice = choice_of(s);
    uvec2 mine = uvec2(0u, NONE);
    if (choice == BY_RANK) {
        adjust(row, r, s);
        mine = choose_by_rank(row, r, s);
    } else if (choice == BY_MASS) {
        for (uint i = lane(); i < push.chunks; i += LANES) mine = better(mine, picked[row * push.chunks + i]);
    } else {
        uint tiles = (push.vocab + TILE_TOKENS - 1u) / TILE_TOKENS;
        for (uint i = lane(); i < tiles; i += LANES) mine = better(mine, best[row * tiles + i]);
    }
    advance(row, mine);
}
