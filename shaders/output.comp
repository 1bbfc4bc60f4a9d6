#version 450
#extension GL_GOOGLE_include_directive : require
// The logits of the normed residual and, if push.pick is set, of each tile what sampling begins
// with: the best token (draw.glsl) of rows whose choice is BY_TILES, so that nothing else reads
// their logits, and of others the greatest logit.
//
// variant quad: QUAD, shares loads of x among four lanes
// variant dot: INT_DOT, x is as quantize.glsl writes it
// variant lanes: MATRIX_LANES, cooperative matrices (matrices.glsl)
// variant shared: MATRIX_SHARED, the same by shared memory
// variant emulated: MATRIX_EMULATED, lanes without matrices, for tests
#include "lanes.glsl"
#include "product.glsl"
#include "norm.glsl"
#include "rows.glsl"
#include "sampling.glsl"
#include "draw.glsl"

layout(set = 0, binding = 3, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 4, std430) readonly buffer Params { Sampling sampling[]; };
layout(set = 0, binding = 5, std430) writeonly buffer Logits { float logits[]; };
layout(set = 0, binding = 6, std430) writeonly buffer Best { uvec2 best[]; }; // [row][tile] of (key bits, id)

layout(push_constant) uniform Push {
    PRODUCT_PUSH
    uint vocab;
    float eps;
    uint pick;
} push;

const uint QUADS = ROWS / 4u;
shared float quad_key[TOKENS * QUADS];
shared uint quad_id[TOKENS * QUADS];

void main() {
    uint row = group_index() * ROWS;
    if (row >= push.rows) return;
    uint token = push.from + gl_WorkGroupID.z * TOKENS;
    norm_begin(push.first + token, push.first + push.tokens, push.cols);
    product(MATRIX(push), row, push.first + token, push.first + push.tokens);
    norm_end(push.cols, push.eps);

    for (uint i = gl_LocalInvocationID.x; i < TOKENS * QUADS; i += LANES) {
        uint t = i / QUADS, first = row + i % QUADS * 4u;
        float best_key = LEAST;
        uint best_id = NONE;
        if (token + t < push.tokens) {
            Row r = rows[push.pick != 0u ? token + t : 0u];
            Sampling s = sampling[r.sequence];
            bool is_best = choice_of(s) == BY_TILES;
            uvec4 noise = uvec4(0u);
            if (push.pick != 0u && is_best && s.temperature > 0.0) noise = noise_bits(s, (push.row0 + first) / 4u, r.position);
            for (uint n = 0u; n < 4u && first + n < push.rows; n++) {
                uint id = push.row0 + first + n;
                float l = result[4u * i + n] * norm_scale[t];
                logits[(token + t) * push.vocab + id] = l;
                if (is_nan(l)) continue;
                float key = is_best ? key_of(s, l, noise[n]) : l;
                if (is_better(key, id, best_key, best_id)) {
                    best_key = key;
                    best_id = id;
                }
            }
        }
        quad_key[i] = best_key;
        quad_id[i] = best_id;
    }
    if (push.pick == 0u) return;
    barrier();
    for (uint i = gl_LocalInvocationID.x; i < TOKENS * (ROWS / TILE); i += LANES) {
        uint t = token + i / (ROWS / TILE), tile = (push.row0 + row) / TILE + i % (ROWS / TILE);
        if (t >= push.tokens || tile * TILE >= push.row0 + push.rows) continue;
        float best_key = LEAST;
        uint best_id = NONE;
        for (uint q = i * (TILE / 4u); q < (i + 1u) * (TILE / 4u); q++) {
            if (is_better(quad_key[q], quad_id[q], best_key, best_id)) {
                best_key = quad_key[q];
                best_id = quad_id[q];
            }
        }
        best[t * ((push.vocab + TILE - 1u) / TILE) + tile] = uvec2(floatBitsToUint(best_key), best_id);
    }
}
