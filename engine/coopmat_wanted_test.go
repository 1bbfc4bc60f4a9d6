//go:build coopmat

package engine

func init() { coopMatWanted = true }
