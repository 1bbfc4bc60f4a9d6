// RMSNorm folded into the kernel that reads its result: the writer of the residual
// leaves x times the norm's weight, and the sums of the squares of x over tiles of 32
// columns; the scale, which all columns share, is applied to the products.
// Root Mean Square Layer Normalization, https://arxiv.org/abs/1910.07467, eq. 4.
#ifdef MATRICES // x is normed already
shared float norm_scale[TOKENS];

void norm_begin(uint token, uint tokens, uint dim) {}

void norm_end(uint dim, float eps) {
    for (uint t = gl_LocalInvocationID.x; t < TOKENS; t += LANES) norm_scale[t] = 1.0;
    barrier();
}
#else
layout(set = 0, binding = 2, std430) readonly buffer Squares { float squares[]; };

const uint NORM_LANES = LANES < 32u ? LANES : 32u;
shared float norm_part[TOKENS * NORM_LANES];
shared float norm_scale[TOKENS];

// Before the product, so that its loads hide these.
void norm_begin(uint token, uint tokens, uint dim) {
    uint lane = gl_LocalInvocationID.x, tiles = (dim + 31u) / 32u;
    if (lane >= NORM_LANES) return;
    for (uint t = 0u; t < TOKENS; t++) {
        float sum = 0.0;
        for (uint i = lane; i < tiles; i += NORM_LANES) sum += squares[min(token + t, tokens - 1u) * tiles + i];
        norm_part[t * NORM_LANES + lane] = sum;
    }
}

// After the product: makes norm_scale.
void norm_end(uint dim, float eps) {
    for (uint t = gl_LocalInvocationID.x; t < TOKENS; t += LANES) {
        float sum = 0.0;
        for (uint i = 0u; i < NORM_LANES; i++) sum += norm_part[t * NORM_LANES + i];
        norm_scale[t] = 1.0 / sqrt(sum / float(dim) + eps);
    }
    barrier();
}
#endif
