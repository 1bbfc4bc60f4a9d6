package shaders

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sealvk/shaders/internal/spv"
)

// Every kernel has a descriptor, and every descriptor all of its SPIR-V.
func TestKernelsAgreeWithGo(t *testing.T) {
	described, built := []string{matrixPlacesKernel.Name}, []string(nil)
	for _, k := range All() {
		described = append(described, k.Name)
		for _, v := range k.module.variants {
			described = append(described, k.Name+"_"+v)
		}
	}
	files, err := filepath.Glob("spv/*.spv")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		built = append(built, strings.TrimSuffix(filepath.Base(f), ".spv"))
	}
	slices.Sort(described)
	if !slices.Equal(described, built) {
		t.Errorf("descriptors of %v, SPIR-V of %v", described, built)
	}
}

// What descriptors say of a kernel holds for its SPIR-V, and its typical shapes and its tuning
// are possible.
func TestDescriptors(t *testing.T) {
	caps := device.Caps()
	for _, k := range All() {
		code, err := binaries.ReadFile("spv/" + k.Name + ".spv")
		if err != nil {
			t.Fatal(err)
		}
		m, err := spv.Parse(code)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Bindings) != k.module.bindings || 4*len(m.Push) != k.module.push || m.Constants[len(m.Constants)-1].Number >= k.module.constants {
			t.Errorf("%s: %+v, its SPIR-V has %+v", k.Name, k.module, m)
		}
		constants := constantsOf(t, k.Name)
		if slices.Contains(constants, "Type") != k.Weights || slices.Contains(constants, "KV") != k.Cache || k.Cache && !k.Depth {
			t.Errorf("%s: weights %v, cache %v, depth %v; its constants are %v", k.Name, k.Weights, k.Cache, k.Depth, constants)
		}
		if len(k.Typical) == 0 || len(k.Knobs) == 0 {
			t.Errorf("%s: %d typical shapes, %d knobs", k.Name, len(k.Typical), len(k.Knobs))
		}
		for _, shape := range k.Typical {
			if len(shape) != len(k.Sizes) {
				t.Errorf("%s: a shape of %v, want %v", k.Name, shape, k.Sizes)
			}
		}
		tuning, err := k.Tuning(caps)
		if err == nil {
			err = k.Check(&tuning, KVF16, caps)
		} else if k == matmulCoopmatKernel || k == matmulRegistersKernel || k == attentionCoopmatKernel {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
		for i := range k.Knobs {
			if !changes(&k.Knobs[i], tuning) {
				t.Errorf("%s: %s changes nothing of the tuning", k.Name, k.Knobs[i].Name)
			}
		}
	}
	if FindKernel("matmull") != nil {
		t.Error("a kernel of no name")
	}
}

// constantsOf are the names of a kernel's specialization constants in the generated Go, none of one
// that has but the workgroup's size.
func constantsOf(t *testing.T, kernel string) (names []string) {
	generated, err := os.ReadFile("kernels_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`var (\w+)Module = module{name: "` + kernel + `"`).FindStringSubmatch(string(generated))[1] + "Constants"
	for name != "" {
		fields := regexp.MustCompile("type " + name + ` struct {([^}]*)}`).FindStringSubmatch(string(generated))
		if name = ""; fields == nil {
			break
		}
		for _, word := range regexp.MustCompile(`\w+`).FindAllString(fields[1], -1) {
			if names = append(names, word); strings.HasSuffix(word, "Constants") { // those that it embeds
				name = word
			}
		}
	}
	return names
}

// changes tells whether a knob can be set, and gives what it was set to.
func changes(n *Knob, t Tuning) bool {
	before, value := t, 1-n.Get(&t)
	n.Set(&t, value)
	if n.IsSwitch() {
		return t != before && n.Get(&t) == value
	}
	n.Set(&t, 12345)
	return t != before && n.Get(&t) == 12345
}
