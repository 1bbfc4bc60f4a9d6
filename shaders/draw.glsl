// Drawing tokens by the Gumbel-max trick: the greatest of logit / temperature + Gumbel
// noise is a draw from the softmax, with no sum over the vocabulary and no sort. At
// temperature 0 the greatest logit itself. The noise depends on position and seed alone.
#include "philox.glsl"

const float LEAST = -3.4e38;

// -log(-log(u)) for a uniform u made from 32 random bits: -log(1-v), v = 1-u,
// keeps its precision where it matters, at small v.
float gumbel(uint bits) {
    float v = (float(bits) + 0.5) * 2.3283064365386963e-10;
    float e = v < 1e-3 ? v + 0.5 * v * v : -log(max(1.0 - v, 5.9604645e-8));
    return -log(e);
}

// The noise of the tokens 4 * quad to 4 * quad + 3 at a position.
uvec4 noise_bits(Sampling s, uint quad, uint position) {
    return philox(uvec4(quad, position, 0u, 0u), uvec2(s.seed_lo, s.seed_hi));
}

float key_of(Sampling s, float logit, uint noise) {
    return s.temperature <= 0.0 ? logit : logit / s.temperature + gumbel(noise);
}

// Whether a key stands before the best one: equal keys go to the lower id.
bool is_better(float key, uint id, float best_key, uint best_id) {
    return id != NONE && (best_id == NONE || key > best_key || (key == best_key && id < best_id));
}
