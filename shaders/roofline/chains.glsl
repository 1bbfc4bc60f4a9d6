// Chains of multiply-adds over vectors VEC of floats FLOAT: y += a*x; x += b*y, again and
// again. With a = 1 and b = -1, which the compiler cannot know, six such steps bring small
// whole numbers back, so that every value is exact in any precision, fused or not, and
// each multiply-add waits for the one before it in its chain.
#include "lanes.glsl"

layout(constant_id = 1) const uint CHAINS = 2; // of 4 pairs (x, y) each: 1, 2 or 4

layout(set = 0, binding = 0, std430) writeonly buffer Results { float results[]; };

layout(push_constant) uniform Push {
    uint rounds; // of 4 steps
    float a;
    float b;
    float seed;
} push;

#define STEP(x, y) y = fma(a, x, y); x = fma(b, y, x);
#define ROUND(x, y) STEP(x, y) STEP(x, y) STEP(x, y) STEP(x, y)
#define START(chain) VEC(first + vec4(0.0, 1.0, 2.0, 3.0) + 4.0 * chain)

void main() {
    VEC a = VEC(push.a), b = VEC(push.b);
    float first = float(invocation() & 15u);
    VEC x0 = START(0.0), x1 = START(1.0), x2 = START(2.0), x3 = START(3.0);
    VEC y0 = VEC(vec4(x0) + 1.0), y1 = VEC(vec4(x1) + 2.0), y2 = VEC(vec4(x2) + 3.0), y3 = VEC(vec4(x3) + 4.0);
    for (uint r = 0u; r < push.rounds; r++) {
        ROUND(x0, y0)
        if (CHAINS >= 2u) { ROUND(x1, y1) }
        if (CHAINS >= 4u) { ROUND(x2, y2) ROUND(x3, y3) }
    }
    vec4 sum = vec4(x0) + 3.0 * vec4(y0);
    if (CHAINS >= 2u) sum += vec4(x1) + 3.0 * vec4(y1);
    if (CHAINS >= 4u) sum += vec4(x2) + 3.0 * vec4(y2) + vec4(x3) + 3.0 * vec4(y3);
    results[invocation()] = push.seed + sum.x + sum.y + sum.z + sum.w;
}
