// GELU in its tanh approximation (https://arxiv.org/abs/1606.08415), written as
// v * sigmoid(2u), which is the same function without the cancellation of 1 + tanh(u).
float gelu(float v) {
    float u = 0.7978845608028654 * (v + 0.044715 * v * v * v);
    return v / (1.0 + exp(min(-2.0 * u, 80.0)));
}
