package shaders

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sealvk/shaders/internal/spv"
	"sealvk/vk"
)

// checkKernel fails where what Go hands to a kernel and what the kernel declares
// disagree: push is its push-constant struct (nil: none), access what each
// binding, 0 upwards, may do, constants the number of specialization constants,
// ids 0 to constants-1.
func checkKernel(t *testing.T, name string, push any, access []vk.Access, constants int) {
	t.Helper()
	m, err := spv.Parse(spirv(name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	d, err := spv.Declared(".", name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, problem := range disagreements(m, d, push, access, constants) {
		t.Errorf("%s: %s", name, problem)
	}
}

// Every kernel, as it is declared in Go, agrees with its SPIR-V.
func TestKernelsAgreeWithGo(t *testing.T) {
	var registered []string
	for _, k := range kernels {
		registered = append(registered, k.name)
		checkKernel(t, k.name, k.push, k.access, k.constants)
	}
	slices.Sort(registered)
	files, err := spv.Kernels(".")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(registered, files) {
		t.Errorf("kernels in Go: %v, in *.comp: %v", registered, files)
	}
}

// What checkKernel is for: each way to disagree is seen.
func TestDisagreements(t *testing.T) {
	type push struct {
		Dim, First uint32
		Eps        float32
	}
	type bindings = []vk.Access
	module := func() *spv.Module {
		return &spv.Module{
			EntryPoint: "main",
			Constants:  []uint32{0},
			Bindings:   []spv.Binding{{Number: 0, Readable: true}, {Number: 1, Readable: true, Writable: true}},
			Push: []spv.Scalar{{Offset: 0, Kind: spv.Uint, Bits: 32}, {Offset: 4, Kind: spv.Uint, Bits: 32},
				{Offset: 8, Kind: spv.Float, Bits: 32}},
		}
	}
	declared := spv.Declaration{Push: []string{"dim", "first", "eps"}, Constants: []int{0, 1}, Bindings: []int{0, 1, 2}}
	right := bindings{vk.ReadOnly, vk.ReadWrite}
	if got := disagreements(module(), declared, push{}, right, 2); len(got) > 0 {
		t.Errorf("agreement seen as %q", got)
	}
	cases := map[string]struct {
		push      any
		access    bindings
		constants int
		want      string
	}{
		"no push constants": {nil, right, 2, "push constants: Go has []"},
		"field missing":     {struct{ Dim, First uint32 }{}, right, 2, "push constants: Go has"},
		"field's type": {struct {
			Dim, First uint32
			Eps        int32
		}{}, right, 2, "push constants: Go has"},
		"fields swapped": {struct {
			First, Dim uint32
			Eps        float32
		}{}, right, 2, "push constants: Go names them [First Dim Eps]"},
		"field of 64 bits":     {struct{ Dim uint64 }{}, right, 2, "want uint32"},
		"binding missing":      {push{}, bindings{vk.ReadOnly}, 2, "binding 1: Go has only 1"},
		"binding not written":  {push{}, bindings{vk.ReadOnly, vk.ReadOnly}, 2, "binding 1: Go says access 1"},
		"binding in Go only":   {push{}, bindings{1, 3, 1, 1}, 2, "binding 3 is in Go only"},
		"binding unused":       {push{}, bindings{1, 3, 1}, 2, "binding 2 is declared but not used"},
		"too few constants":    {push{}, right, 0, "specialization constant 0: Go has only 0"},
		"constants in Go only": {push{}, right, 3, "specialization constant 2 is in Go only"},
	}
	for name, c := range cases {
		if got := disagreements(module(), declared, c.push, c.access, c.constants); !strings.Contains(strings.Join(got, "\n"), c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func disagreements(m *spv.Module, d spv.Declaration, push any, access []vk.Access, constants int) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if m.EntryPoint != "main" {
		add("entry point is %q, want main", m.EntryPoint)
	}

	scalars, names, size, err := goScalars(push)
	if err != nil {
		add("%v", err)
	}
	if !slices.Equal(scalars, m.Push) {
		add("push constants: Go has %v, the kernel %v", scalars, m.Push)
	}
	if n := len(scalars); n > 0 && scalars[n-1].Offset+scalars[n-1].Bits/8 != size {
		add("push constants: Go's struct has %d bytes of padding at its end", size-scalars[n-1].Offset-scalars[n-1].Bits/8)
	}
	// The SPIR-V has no names: without the source, two swapped fields of one type
	// would go unnoticed.
	if glsl := normalized(d.Push); len(m.Push) > 0 && !slices.Equal(normalized(names), glsl) {
		add("push constants: Go names them %v, the source %v", names, d.Push)
	}

	have := map[int]vk.Access{}
	for _, b := range m.Bindings {
		if b.Readable {
			have[b.Number] |= vk.ReadOnly
		}
		if b.Writable {
			have[b.Number] |= vk.WriteOnly
		}
		if b.Number >= len(access) {
			add("binding %d: Go has only %d bindings", b.Number, len(access))
		}
	}
	for i, want := range access {
		switch got, used := have[i]; {
		case !used && slices.Contains(d.Bindings, i):
			add("binding %d is declared but not used", i)
		case !used:
			add("binding %d is in Go only", i)
		case got != want:
			add("binding %d: Go says access %d, the kernel %d (1 read, 2 write, 3 both)", i, want, got)
		}
	}

	for _, id := range m.Constants {
		if int(id) >= constants {
			add("specialization constant %d: Go has only %d", id, constants)
		}
	}
	for id := range constants {
		if !slices.Contains(d.Constants, id) {
			add("specialization constant %d is in Go only", id)
		}
	}
	return out
}

// goScalars takes a struct of numbers apart as spv.Module.Push does: names of the
// fields, and its size in bytes.
func goScalars(push any) (scalars []spv.Scalar, names []string, size int, err error) {
	if push == nil {
		return nil, nil, 0, nil
	}
	t := reflect.TypeOf(push)
	if t.Kind() != reflect.Struct {
		return nil, nil, 0, fmt.Errorf("push constants: %v is no struct", t)
	}
	var add func(t reflect.Type, offset int) error
	add = func(t reflect.Type, offset int) error {
		switch t.Kind() {
		case reflect.Uint32:
			scalars = append(scalars, spv.Scalar{Offset: offset, Kind: spv.Uint, Bits: 32})
		case reflect.Int32:
			scalars = append(scalars, spv.Scalar{Offset: offset, Kind: spv.Int, Bits: 32})
		case reflect.Float32:
			scalars = append(scalars, spv.Scalar{Offset: offset, Kind: spv.Float, Bits: 32})
		case reflect.Array:
			for i := range t.Len() {
				if err := add(t.Elem(), offset+i*int(t.Elem().Size())); err != nil {
					return err
				}
			}
		default:
			return fmt.Errorf("push constants: %v at byte %d: want uint32, int32, float32 or arrays of them", t, offset)
		}
		return nil
	}
	var fields func(t reflect.Type, offset int) error
	fields = func(t reflect.Type, offset int) error {
		for i := range t.NumField() {
			f := t.Field(i)
			var err error
			switch {
			case f.Name == "_": // padding
			case f.Anonymous:
				err = fields(f.Type, offset+int(f.Offset))
			default:
				names = append(names, f.Name)
				err = add(f.Type, offset+int(f.Offset))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := fields(t, 0); err != nil {
		return nil, nil, 0, err
	}
	return scalars, names, int(t.Size()), nil
}

// normalized makes KVHeads and kv_heads one name.
func normalized(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, strings.ToLower(strings.ReplaceAll(n, "_", "")))
	}
	return out
}
