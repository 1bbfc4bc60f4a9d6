#version 450
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_GOOGLE_include_directive : require
// Everything that the reflection test looks for, cooperative matrices included:
// the pinned compiler must know them.
#include "sample.glsl"

layout(local_size_x_id = 3, local_size_y = 2) in;
layout(constant_id = 1) const uint SCALE = 4;
layout(constant_id = 2) const uint UNUSED = 4;

layout(set = 0, binding = 0, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 0, std430) readonly buffer X4 { vec4 x4[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 2, std430) buffer Z { uint z[]; };
layout(set = 0, binding = 4, std430) readonly buffer H { float16_t h[]; };
layout(set = 0, binding = 5, std430) readonly buffer Unused { float unused[]; };
layout(set = 0, binding = 6, std430) readonly buffer A { float a[]; };
layout(set = 0, binding = 6, std430) writeonly buffer A4 { vec4 a4[]; };

layout(push_constant) uniform Push {
    uint count; // { not a brace }
    float eps;
    uint not_used;
    layout(offset = 16) int shift;
    uint last;
} push;

shared float16_t tile[256];

void main() {
    uint i = gl_GlobalInvocationID.x;
    coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseA> m;
    coopMatLoad(m, h, i, 16, gl_CooperativeMatrixLayoutRowMajor);
    coopMatStore(m, tile, 0, 16, gl_CooperativeMatrixLayoutRowMajor);
    if (i >= push.count) return;
    y[i] = twice(x[i] + x4[i].y + push.eps) * SCALE + float(tile[i]);
    a4[i] = vec4(a[i + push.last]);
    atomicAdd(z[0], push.shift);
}
