// Package cells says how text takes the cells of a terminal: its grapheme clusters (Next), how many
// cells each takes (Width), and where a line may be broken (Break, Pieces). Text is valid UTF-8.
package cells
