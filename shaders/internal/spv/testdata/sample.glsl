#include "deep.glsl"
float twice(float v) { return v * TWO; }
