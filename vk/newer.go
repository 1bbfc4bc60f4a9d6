package vk

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"sync"

	vulkan "github.com/vulkan-go/vulkan"
)

// addition is a part of Vulkan that this package uses where a device has it, and that came
// after validation layers still in use.
type addition struct {
	extension    string
	since        vulkan.Version // the first version of Vulkan's headers with it
	structures   []uint32       // its VkStructureType values
	spirv        []string       // its SPIR-V extensions
	capabilities []uint32       // its SPIR-V capabilities
}

// additions after 1.3.239, the validation layer of Debian 12.
var additions = []addition{
	{
		extension:  cooperativeMatrix,
		since:      vulkan.Version(vulkan.MakeVersion(1, 3, 255)),
		structures: coopMatrixStructures,
		spirv:      []string{"SPV_KHR_cooperative_matrix"}, capabilities: []uint32{6022}, // CooperativeMatrixKHR
	},
	// Its structure has the number of VK_EXT_calibrated_timestamps's.
	{extension: calibratedKHR, since: vulkan.Version(vulkan.MakeVersion(1, 3, 273))},
}

// complaints are a layer's messages about what it does not know: the ID, then the text after
// the objects. Each group must hold a name that newer knows; what the layer says of a shader
// module's contents must, besides, come while such a module is compiled.
// They are compiled for the first message: most runs have no layer.
var complaints = sync.OnceValue(func() []*regexp.Regexp {
	return compileAll(
		`VUID_Undefined Device Extension (?P<extension>\S+) is not supported by this layer\.`,
		`VUID-\w+-pNext-pNext \w+: \S+ chain includes a structure with unknown VkStructureType \((?P<structure>\d+)\);`,
		`VUID-VkShaderModuleCreateInfo-pCode-04146 vkCreateShaderModule\(\): A SPIR-V Extension \((?P<spirv>\S+)\) was declared that is not supported by Vulkan\.(?P<compiling>)`,
		// The layer does not name the capability.
		`VUID-VkShaderModuleCreateInfo-pCode-01090 vkCreateShaderModule\(\): A SPIR-V Capability \(Unhandled OpCapability\) was declared that is not supported by Vulkan\.(?P<compiling>)`,
		`UNASSIGNED-CoreValidation-Shader-InconsistentSpirv SPIR-V module not valid: Invalid capability operand: (?P<capability>\d+)(?P<compiling>)`,
		`VUID-VkPipelineShaderStageCreateInfo-module-parameter VkShaderModule 0x[0-9a-f]+\[(?P<module>.*)\] does not contain valid spirv for stage \w+\. Invalid capability operand: (?P<capability>\d+)`,
		`VUID-VkPipelineShaderStageCreateInfo-pSpecializationInfo-06719 VkShaderModule 0x[0-9a-f]+\[(?P<module>.*)\] module \(stage \w+\) attempted to apply specialization constants with spirv-opt but failed\.`,
	)
})

func compileAll(patterns ...string) (all []*regexp.Regexp) {
	for _, p := range patterns {
		all = append(all, regexp.MustCompile("^"+p))
	}
	return all
}

// newer is what of the additions came after the validation layer. Its zero value is nothing.
type newer struct {
	names map[string]bool // "extension NAME", "structure NUMBER", "spirv NAME", "capability NUMBER"

	mu      sync.Mutex
	modules map[string]int // shader modules being compiled that declare such, by name
}

// init is called before the layer can send messages.
func (n *newer) init(layer vulkan.Version) {
	n.names, n.modules = map[string]bool{}, map[string]int{}
	for _, a := range additions {
		if layer >= a.since {
			continue
		}
		n.names["extension "+a.extension] = true
		for _, s := range a.structures {
			n.names[fmt.Sprint("structure ", s)] = true
		}
		for _, s := range a.spirv {
			n.names["spirv "+s] = true
		}
		for _, c := range a.capabilities {
			n.names[fmt.Sprint("capability ", c)] = true
		}
	}
}

// compiling announces a shader module that is about to be created, by the name it will get,
// until done is called.
func (n *newer) compiling(name string, spirv []byte) (done func()) {
	if len(n.names) == 0 || !n.declared(spirv) {
		return func() {}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.modules[name]++
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.modules[name]--; n.modules[name] == 0 {
			delete(n.modules, name)
		}
	}
}

// declared reports whether a module says that it needs something newer. Such instructions
// come first in a module, capabilities before extensions.
func (n *newer) declared(spirv []byte) bool {
	const headerWords, opExtension, opCapability = 5, 10, 17
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(spirv[4*i:]) }
	for i := headerWords; i < len(spirv)/4; {
		op, size := word(i)&0xffff, int(word(i)>>16)
		if op != opExtension && op != opCapability || size < 2 || i+size > len(spirv)/4 {
			return false
		}
		name := fmt.Sprint("capability ", word(i+1))
		if op == opExtension {
			name = "spirv " + strings.TrimRight(string(spirv[4*(i+1):4*(i+size)]), "\x00")
		}
		if n.names[name] {
			return true
		}
		i += size
	}
	return false
}

// about reports whether a message is only about what came after the layer.
func (n *newer) about(id, text string) bool {
	_, text, _ = strings.Cut(text, " | MessageID = 0x") // after the objects
	_, text, _ = strings.Cut(text, " | ")
	for _, c := range complaints() {
		if groups := c.FindStringSubmatch(id + " " + text); groups != nil {
			return n.holdsAll(c.SubexpNames()[1:], groups[1:])
		}
	}
	return false
}

func (n *newer) holdsAll(kinds, names []string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, kind := range kinds {
		known := n.names[kind+" "+names[i]]
		switch kind {
		case "module":
			known = n.modules[names[i]] > 0
			if names[i] == "" { // the layer forgets a name when another thread frees a module with the same handle
				known = len(n.modules) > 0
			}
		case "compiling":
			known = len(n.modules) > 0
		}
		if !known {
			return false
		}
	}
	return true
}
