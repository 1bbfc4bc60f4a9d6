package cells

// Break is the offset in bytes up to which s, one line of text, goes into a line of width cells: its length where
// all of it fits, else the last place where a line may be broken. Spaces in front of that place may stand past width:
// they need not be drawn. A word that is wider than a line is broken between clusters; at least one cluster always goes in.
func Break(s string, width int) int {
	return len(s)
}
