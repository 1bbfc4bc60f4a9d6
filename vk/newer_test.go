package vk

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	vulkan "github.com/vulkan-go/vulkan"
)

// debian12 is the version of the layer whose messages testdata holds.
var debian12 = vulkan.Version(vulkan.MakeVersion(1, 3, 239))

const coopMatModule = "matmul_coopmat[128 198688 64 32 32 2 32 16 16 16 16]"

// needsCoopMat is testdata/step.spv, declaring cooperative matrices besides.
func needsCoopMat(t testing.TB) []byte {
	t.Helper()
	const opMemoryModel, opExtInstImport = 14, 11
	spirv := readSPIRV(t, "step")
	capability := words(2<<16|17, 6022)
	extension := append(words(8<<16|10), "SPV_KHR_cooperative_matrix\x00\x00"...)
	end := 20 // of the capabilities and extensions: the module has no extensions of its own
	for op := spirv[end]; op != opMemoryModel && op != opExtInstImport; op = spirv[end] {
		end += 4 * int(spirv[end+2])
	}
	return slices.Concat(spirv[:20], capability, spirv[20:end], extension, spirv[end:])
}

// receiver is a messenger of a layer that keeps its messages, and what is newer than it.
func receiver(layer vulkan.Version) (m *messenger, got func() Message) {
	var last Message
	m = &messenger{newer: new(newer), onMessage: func(msg Message) { last = msg }}
	m.newer.init(layer)
	return m, func() Message { return last }
}

type recordedMessage struct {
	severity uint32
	id, text string
}

// recorded is what the layer of Debian 12 said where a device has more than it knows.
func recorded(t *testing.T) (all []recordedMessage) {
	t.Helper()
	file, err := os.ReadFile("testdata/validation-1.3.239.txt")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^\d+\t(Validation (Error|Warning): \[ (\S+) \] .*)$`)
	severities := map[string]uint32{"Error": 0x1000, "Warning": 0x100}
	for _, m := range line.FindAllStringSubmatch(string(file), -1) {
		text := strings.ReplaceAll(m[1], "0x…", "0x7f5ad80b4e50") // handles were left out
		all = append(all, recordedMessage{severities[m[2]], m[3], text})
	}
	if lines := bytes.Count(file, []byte("\n")) - 1; len(all) != lines || len(all) == 0 {
		t.Fatalf("%d messages in %d lines", len(all), lines)
	}
	return all
}

func TestRecordedMessagesAreNewer(t *testing.T) {
	for _, layer := range []struct {
		patch int
		newer string // the messages that are about what is newer: all, none, or an extension's
	}{
		{239, "all"}, {254, "all"}, {255, calibratedKHR}, {272, calibratedKHR}, {273, "none"}, {296, "none"},
	} {
		m, got := receiver(vulkan.Version(vulkan.MakeVersion(1, 3, layer.patch)))
		done := m.newer.compiling(coopMatModule, needsCoopMat(t))
		for _, r := range recorded(t) {
			m.receive(r.severity, r.id, r.text)
			want := Message{Text: r.text, ID: r.id, Newer: layer.newer == "all" || strings.Contains(r.text, layer.newer)}
			if strings.HasPrefix(r.text, "Validation Error") {
				want.Severity = Error
			}
			if got() != want {
				t.Errorf("layer 1.3.%d: got %+v, want %+v", layer.patch, got(), want)
			}
		}
		done()
	}
}

// A module whose name the layer has lost is one of those that are being compiled.
func TestNamelessModules(t *testing.T) {
	m, got := receiver(debian12)
	nameless := 0
	for _, r := range recorded(t) {
		text := strings.ReplaceAll(r.text, "["+coopMatModule+"]", "[]")
		if text == r.text {
			continue
		}
		nameless++
		done := m.newer.compiling("another", needsCoopMat(t))
		if m.receive(r.severity, r.id, text); !got().Newer {
			t.Errorf("while one is compiled: %+v", got())
		}
		done()
		if m.receive(r.severity, r.id, text); got().Newer {
			t.Errorf("while none is compiled: %+v", got())
		}
	}
	if nameless != 2 {
		t.Errorf("%d messages name the module, want 2", nameless)
	}
}

// The same layer, and the same messages with one part changed.
func TestOtherMessagesAreNotNewer(t *testing.T) {
	m, got := receiver(debian12)
	done := m.newer.compiling(coopMatModule, needsCoopMat(t))
	defer done()
	all := recorded(t)
	changed := map[int]int{}
	for _, c := range [][2]string{
		{"VK_KHR_cooperative_matrix is", "VK_NV_cooperative_matrix is"},
		{"VK_KHR_cooperative_matrix is", "VK_KHR_cooperative_matrix2 is"},
		{"VK_KHR_calibrated_timestamps is", "VK_KHR_maintenance6 is"},
		{"Device Extension", "Instance Extension"},
		{"not supported by this layer", "not enabled"},
		{"(1000506002)", "(1000506003)"}, {"(1000506002)", "(100050600)"}, {"(1000506000)", "(1000413000)"},
		{"unknown VkStructureType", "duplicate VkStructureType"},
		{"(SPV_KHR_cooperative_matrix)", "(SPV_NV_cooperative_matrix)"},
		{"(Unhandled OpCapability)", "(Float64)"},
		{"operand: 6022", "operand: 6023"}, {"operand: 6022", "operand: 60220"},
		{"Invalid capability operand: 6022", "Block layout of 6022"},
		{"[matmul_coopmat[128 ", "[matmul_coopmat[256 "}, {"[matmul_coopmat[128 ", "[other[matmul_coopmat[128 "},
		{"with spirv-opt but failed", "twice"},
		{" | MessageID", " MessageID"}, // that is, all of them
		{"-06719", "-06720"}, {"-01090", "-01091"}, {"-04146", "-04147"}, {"InconsistentSpirv", "Other"},
		{"-module-parameter", "-module-other"}, {"-pNext-pNext", "-pNext-unique"}, {"VUID_Undefined", "VUID_Other"},
		{"VUID-VkDeviceCreateInfo", "OTHER-VUID-VkDeviceCreateInfo"},
	} {
		applied := false
		for i, r := range all {
			text := strings.ReplaceAll(r.text, c[0], c[1])
			id := strings.ReplaceAll(r.id, c[0], c[1])
			if text == r.text {
				continue
			}
			applied, changed[i] = true, changed[i]+1
			if m.receive(r.severity, id, text); got().Newer || got().Text != text {
				t.Errorf("%q for %q: got %+v", c[1], c[0], got())
			}
		}
		if !applied {
			t.Errorf("no message has %q", c[0])
		}
	}
	for i, r := range all {
		if changed[i] < 2 {
			t.Errorf("not tried with a part changed: %s", r.text)
		}
	}
	for id, text := range map[string]string{
		"VUID-vkCmdDispatch-None-02697": "vkCmdDispatch(): a descriptor set is not bound",
		"SYNC-HAZARD-READ-AFTER-WRITE":  "vkCmdDispatch: Hazard READ_AFTER_WRITE, named VK_KHR_cooperative_matrix",
		"":                              "",
	} {
		m.receive(0x1000, id, "Validation Error: [ "+id+" ] Object 0: handle = 0x1, type = VK_OBJECT_TYPE_DEVICE; | MessageID = 0x1 | "+text)
		if got().Newer || got().ID != id {
			t.Errorf("%s: got %+v", id, got())
		}
	}
}

// What the layer says of a shader's contents is a fault except while a module that declares
// something newer is compiled.
func TestOnlyModulesThatDeclareItAreNewer(t *testing.T) {
	m, got := receiver(debian12)
	count := func() (newer int) {
		for _, r := range recorded(t) {
			if m.receive(r.severity, r.id, r.text); got().Newer {
				newer++
			}
		}
		return newer
	}
	const ofModules = 5 // of the recorded messages: those below need no module
	const others = 4
	expect := func(when string, want int) {
		t.Helper()
		if n := count(); n != want {
			t.Errorf("%s: %d messages are newer, want %d", when, n, want)
		}
	}
	expect("no module", others)
	plain := m.newer.compiling(coopMatModule, readSPIRV(t, "step"))
	expect("a module without", others)
	other := m.newer.compiling("other", needsCoopMat(t))
	expect("a module of another name", others+3) // three messages name none
	first, second := m.newer.compiling(coopMatModule, needsCoopMat(t)), m.newer.compiling(coopMatModule, needsCoopMat(t))
	expect("two modules", others+ofModules)
	first()
	other()
	expect("one of two", others+ofModules)
	second()
	plain()
	expect("after all", others)
}

func TestDeclared(t *testing.T) {
	header, capability := words(0x07230203, 0x10500, 0, 100, 0), words(2<<16|17, 6022)
	step := readSPIRV(t, "step")
	extension := func(name string, padded int) []byte {
		b := make([]byte, padded)
		copy(b, name)
		return append(words(uint32(1+padded/4)<<16|10), b...)
	}
	coopMat := extension("SPV_KHR_cooperative_matrix", 28)
	for _, c := range []struct {
		name  string
		spirv []byte
		want  bool
	}{
		{"capability", slices.Concat(header, words(2<<16|17, 1), capability), true},
		{"extension", slices.Concat(header, words(2<<16|17, 1), coopMat), true},
		{"second extension", slices.Concat(header, extension("SPV_KHR_other", 16), coopMat), true},
		{"both", needsCoopMat(t), true},
		{"neither", step, false},
		{"another capability", slices.Concat(header, words(2<<16|17, 6023)), false},
		{"another extension", slices.Concat(header, extension("SPV_KHR_cooperative_matrix2", 28)), false},
		{"the number elsewhere", slices.Concat(header, words(2<<16|14, 6022)), false},
		{"after the declarations", slices.Concat(step, capability), false},
		{"nothing", nil, false},
		{"the header", header, false},
		{"size 0", slices.Concat(header, words(17, 6022)), false},
		{"cut off", slices.Concat(header, words(3<<16|17, 6022)), false},
	} {
		var n newer
		n.init(debian12)
		if got := n.declared(c.spirv); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		n.init(vulkan.Version(vulkan.MakeVersion(1, 3, 255)))
		if n.declared(c.spirv) {
			t.Errorf("%s: newer than a layer of the same version", c.name)
		}
	}
}

// The layer at hand, told of cooperative matrices whether or not the device has them: a
// structure of theirs, and a shader that declares them. A fault meanwhile remains one.
func TestLayerComplainsOfWhatIsNewer(t *testing.T) {
	var mu sync.Mutex
	var all []Message
	d := openWith(t, Config{Validation: true, OnMessage: func(m Message) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, m)
	}}, "")
	b, c := newBuffer(t, d, "b", 64, DeviceLocal), newCommands(t, d, "c")
	defer b.Free()
	defer c.Free()
	mu.Lock()
	all = nil // of the opening
	mu.Unlock()
	caps := d.pd.Caps
	d.in.fn.query(d.pd.handle, d.pd.has|hasCoopMatrix, &caps)
	spirv := needsCoopMat(t)
	p, err := d.NewPipeline(PipelineInfo{Name: "needs[more]", SPIRV: spirv, Bindings: 2, PushSize: 12, Constants: []uint32{1}})
	if err == nil { // a driver may refuse
		p.Free()
	}
	defer d.in.newer.compiling("at once", spirv)()
	d.fn.copyBuffer(c.handle, b.handle, 0, b.handle, 4096, 64)

	mu.Lock()
	defer mu.Unlock()
	const fault = "VUID-vkCmdCopyBuffer"
	older := d.in.layer < additions[0].since
	seen := map[string]bool{}
	for _, m := range all {
		seen[m.ID] = true
		isFault := strings.HasPrefix(m.ID, fault)
		seen[fault] = seen[fault] || isFault
		if m.Newer != (older && !isFault) {
			t.Errorf("layer %s: Newer is %v: %s", d.in.LayerVersion(), m.Newer, m.Text)
		}
	}
	want, modules := []string{fault}, 0
	if older {
		modules = 1 // "at once"
		want = append(want, "VUID-VkPhysicalDeviceProperties2-pNext-pNext",
			"VUID-VkShaderModuleCreateInfo-pCode-04146", "VUID-VkShaderModuleCreateInfo-pCode-01090",
			"UNASSIGNED-CoreValidation-Shader-InconsistentSpirv",
			"VUID-VkPipelineShaderStageCreateInfo-module-parameter", "VUID-VkPipelineShaderStageCreateInfo-pSpecializationInfo-06719")
	}
	for _, id := range want {
		if !seen[id] {
			t.Errorf("layer %s: no message %s", d.in.LayerVersion(), id)
		}
	}
	if n := len(d.in.newer.modules); n != modules {
		t.Errorf("layer %s: %d modules being compiled, want %d", d.in.LayerVersion(), n, modules)
	}
}

func TestLayerVersion(t *testing.T) {
	if v := openWith(t, Config{}, "").in.LayerVersion(); v != "" {
		t.Errorf("without validation: %q", v)
	}
	in := openTest(t).in
	if v := in.LayerVersion(); v != in.layer.String() || in.layer < vulkan.Version(vulkan.MakeVersion(1, 2, 0)) {
		t.Errorf("with validation: %q", v)
	}
}

func TestEachLayerHasItsVersion(t *testing.T) {
	openTest(t) // loads the loader
	dir := t.TempDir()
	want := map[string]string{"VK_LAYER_TEST_one": "1.2.131", "VK_LAYER_TEST_two": "1.3.239", "VK_LAYER_TEST_three": "1.4.309"}
	for name, version := range want {
		manifest := `{"file_format_version": "1.0.0", "layer": {"name": "` + name + `", "type": "GLOBAL", "library_path": "./none.so",
			"api_version": "` + version + `", "implementation_version": "7", "description": "for a test"}}`
		if err := os.WriteFile(filepath.Join(dir, name+".json"), []byte(manifest), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("VK_LAYER_PATH", dir) // read by the loader
	layers, err := instanceLayers(loader.gipa)
	if err != nil {
		t.Fatal(err)
	}
	for name, version := range want {
		if got := layers[name].String(); got != version {
			t.Errorf("%s: version %s, want %s", name, got, version)
		}
	}
}
