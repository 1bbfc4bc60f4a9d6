#version 450
// Writes the grid of an indirect dispatch of step.comp over count values.
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) readonly buffer Count { uint count; };
layout(set = 0, binding = 1) writeonly buffer Grid { uint grid[3]; };

void main() {
	grid[0] = (count + 63) / 64;
	grid[1] = 1;
	grid[2] = 1;
}
