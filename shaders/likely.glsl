// Log-probabilities of a row of logits: likeliest.comp goes through shares of the vocabulary,
// logprobs.comp makes of them what there is to say about a token. A logit that is no number, or none
// that may be drawn, has a probability of 0. Every sum is in an order that depends on the vocabulary
// alone. CANDIDATES is the includer's.

// MaxLikeliest is the likeliest tokens of a row that [Kernels.Likeliest] and [Kernels.Logprobs] find.
// export
const uint NAMED = 20u;
// LogprobShare is the tokens of the vocabulary that a workgroup of [Kernels.Likeliest] goes through.
// export
const uint SHARE = 1024u;

const uint RUNS = 64u;                    // parts of what is summed up, each one lane's
const uint SHARE_WORDS = 2u + 2u * NAMED; // the greatest logit, the sum, (logit, id) of the likeliest tokens
const float LEAST_LOGIT = -3.4e38;        // LOWEST is its key
#define NO_LOGIT uintBitsToFloat(0xff800000u) // -Inf

shared float run_sum[RUNS];
shared uvec2 candidate[CANDIDATES]; // (key, id): tokens that may be among the likeliest
shared uint candidates;
shared uvec2 last; // no candidate stands behind it

// Order of logits in which zeros are equal.
uint logit_key(float logit) { return sort_key(floatBitsToUint(logit) == 0x80000000u ? 0.0 : logit); }

// Whether a token, (key, id), stands before another.
bool is_likelier(uvec2 a, uvec2 b) { return a.x > b.x || (a.x == b.x && a.y < b.y); }

// Probability, and its logarithm, relative to that of the greatest logit.
float relative(float logit, float greatest) {
    if (!(logit >= LEAST_LOGIT)) return 0.0;
    return logit >= greatest ? 1.0 : exp(logit - greatest);
}
float log_relative(float logit, float greatest) {
    if (!(logit >= LEAST_LOGIT)) return NO_LOGIT;
    return logit >= greatest ? 0.0 : logit - greatest;
}

// The sum of run_sum.
float summed() {
    for (uint n = RUNS / 2u; n > 0u; n /= 2u) {
        barrier();
        for (uint r = gl_LocalInvocationID.x; r < n; r += LANES) run_sum[r] += run_sum[r + n];
    }
    barrier();
    return run_sum[0];
}

void add_candidate(uvec2 token) {
    if (token.x >= LOWEST && !is_likelier(last, token)) candidate[atomicAdd(candidates, 1u)] = token;
}

// The place of a candidate among them, from 0; NAMED: any from there on.
uint place_of(uvec2 token) {
    uint place = 0u;
    for (uint i = 0u; i < candidates && place < NAMED; i++) place += uint(is_likelier(candidate[i], token));
    return place;
}
