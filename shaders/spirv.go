package shaders

import (
	"embed"
	"fmt"
)

//go:embed spv/*.spv
var binaries embed.FS

// spirv returns the SPIR-V of the kernel NAME.comp. A name that no kernel has is
// a mistake in this package, so it panics.
func spirv(name string) []byte {
	code, err := binaries.ReadFile("spv/" + name + ".spv")
	if err != nil {
		panic(fmt.Sprintf("shaders: no SPIR-V of a kernel %q", name))
	}
	return code
}
