#version 450
#extension GL_GOOGLE_include_directive : require
// x[r] = scale * token_embd[rows[r].token], and the token's id goes into the
// history of its sequence. One dispatch a part of the table; rows whose token
// lies in another part are left alone.
#include "lanes.glsl"
#include "weights.glsl"
#include "rows.glsl"

layout(set = 0, binding = 1, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 2, std430) writeonly buffer X { float x[]; };
layout(set = 0, binding = 3, std430) writeonly buffer History { uint history[]; };

layout(push_constant) uniform Push {
    uint rows;
    uint cols;
    uint row_words;
    uint scales;
    uint row0;    // first token id of this part
    uint context; // history entries a sequence
    float scale;
} push;

void main() {
    Row r = rows[gl_WorkGroupID.z];
    if (r.token < push.row0 || r.token >= push.row0 + push.rows) return;
    uint item = group_index() * LANES + gl_LocalInvocationID.x;
    if (item == 0u) history[r.sequence * push.context + r.position] = r.token;
    uint u = item / unit_pairs(), p = item % unit_pairs();
    if (u >= unit_count(push.cols)) return;
    Matrix m = Matrix(push.rows, push.cols, push.row_words, push.scales);
    uint row = r.token - push.row0;
    vec4 a, b;
    pair_load(m, row, u, p, unit_scales(m, row, u), a, b);
    uvec2 c = pair_columns(u, p);
    uint base = gl_WorkGroupID.z * push.cols;
    for (uint i = 0u; i < 4u; i++) {
        if (c.x + i < push.cols) x[base + c.x + i] = a[i] * push.scale;
        if (c.y + i < push.cols) x[base + c.y + i] = b[i] * push.scale;
    }
}
