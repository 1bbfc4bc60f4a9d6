#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_integer_dot_product : require
// Chains of dot products of four signed bytes: x = dot(x, a) + b.
#include "lanes.glsl"

layout(constant_id = 1) const uint CHAINS = 2; // times 4: 1, 2 or 4

layout(set = 0, binding = 0, std430) writeonly buffer Results { int results[]; };

layout(push_constant) uniform Push {
    uint rounds; // of 4 steps
    int a;
    int b;
    int seed;
} push;

#define DOT(x) x = dotPacked4x8EXT(x, push.a) + push.b;
#define STEP(v) DOT(v##0) DOT(v##1) DOT(v##2) DOT(v##3)
#define ROUND(v) STEP(v) STEP(v) STEP(v) STEP(v)
#define START(v, chain) int v##0 = first + 4 * chain, v##1 = v##0 + 1, v##2 = v##0 + 2, v##3 = v##0 + 3;
#define SUM(v) (v##0 + 3 * v##1 + 5 * v##2 + 7 * v##3)

void main() {
    int first = int(invocation() & 15u);
    START(x, 0)
    START(y, 1)
    START(z, 2)
    START(w, 3)
    for (uint r = 0u; r < push.rounds; r++) {
        ROUND(x)
        if (CHAINS >= 2u) { ROUND(y) }
        if (CHAINS >= 4u) { ROUND(z) ROUND(w) }
    }
    int sum = SUM(x);
    if (CHAINS >= 2u) sum += SUM(y);
    if (CHAINS >= 4u) sum += SUM(z) + SUM(w);
    results[invocation()] = push.seed + sum;
}
