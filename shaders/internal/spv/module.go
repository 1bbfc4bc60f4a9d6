package spv

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// Module is the interface of one compute kernel, read from its SPIR-V. What the
// optimizer removed because nothing used it is not in the module any more, and
// neither are names; before it, both are.
type Module struct {
	EntryPoint  string
	LocalSizeID [3]int     // id of the specialization constant that sets the workgroup's size, else -1
	Constants   []Constant // specialization constants, by their ids
	Bindings    []Binding  // descriptor set 0, ascending, one for each binding number
	Push        []Scalar   // the members of the push-constant block, which are numbers
}

// Constant is a specialization constant.
type Constant struct {
	Number int
	Name   string // "" of one that is a size of the workgroup alone
}

// Binding is a storage buffer. Variables that share a binding number (the same
// memory seen as float and as vec4) are one Binding, with the access of all and
// the shortest of their names.
type Binding struct {
	Number             int
	Readable, Writable bool
	Name               string // of the block
}

// Kind is the type of a scalar.
type Kind uint8

// The kinds of scalars.
const (
	Uint Kind = iota
	Int
	Float
)

func (k Kind) String() string { return [...]string{"uint", "int", "float"}[k] }

// Scalar is one number of a push-constant block.
type Scalar struct {
	Offset int // bytes from the start of the block
	Kind   Kind
	Bits   int
	Name   string
}

func (s Scalar) String() string { return fmt.Sprintf("%s%d at byte %d", s.Kind, s.Bits, s.Offset) }

// The parts of SPIR-V that Parse reads (SPIR-V specification, sections 2.3 and 3).
const (
	magic = 0x07230203

	opName                  = 5
	opMemberName            = 6
	opEntryPoint            = 15
	opTypeInt               = 21
	opTypeFloat             = 22
	opTypeStruct            = 30
	opTypePointer           = 32
	opSpecConstantComposite = 51
	opVariable              = 59
	opDecorate              = 71
	opMemberDecorate        = 72

	executionModelGLCompute = 5

	decorationSpecID        = 1
	decorationBuiltIn       = 11
	decorationNonWritable   = 24
	decorationNonReadable   = 25
	decorationBinding       = 33
	decorationDescriptorSet = 34
	decorationOffset        = 35

	builtInWorkgroupSize = 25

	storageUniform       = 2
	storageUniformConst  = 0
	storagePushConstant  = 9
	storageStorageBuffer = 12
)

// decorations of one id or one struct member: decoration → first operand (0 if
// it has none).
type decorations map[uint32]uint32

func (d decorations) has(decoration uint32) bool { _, ok := d[decoration]; return ok }

type member struct{ id, index uint32 }

type reader struct {
	defs    map[uint32][]uint32 // id → instruction (opcode word first), for types, composites, variables
	of      map[uint32]decorations
	members map[member]decorations
	names   map[uint32]string
	fields  map[member]string
	order   []uint32 // ids of variables
	entries int
}

// Parse reads a module with one GLCompute entry point.
func Parse(code []byte) (*Module, error) {
	if len(code)%4 != 0 || len(code) < 20 {
		return nil, fmt.Errorf("spv: %d bytes are no SPIR-V", len(code))
	}
	words := make([]uint32, len(code)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(code[4*i:])
	}
	if words[0] != magic {
		return nil, fmt.Errorf("spv: magic number is %#x, want %#x", words[0], magic)
	}
	m := &Module{LocalSizeID: [3]int{-1, -1, -1}}
	r := reader{
		defs: map[uint32][]uint32{}, of: map[uint32]decorations{}, members: map[member]decorations{},
		names: map[uint32]string{}, fields: map[member]string{},
	}
	for at := 5; at < len(words); {
		n := int(words[at] >> 16)
		if n == 0 || at+n > len(words) {
			return nil, fmt.Errorf("spv: word %d: instruction of %d words runs past the end", at, n)
		}
		if err := r.instruction(m, words[at:at+n]); err != nil {
			return nil, fmt.Errorf("spv: word %d: %w", at, err)
		}
		at += n
	}
	if r.entries != 1 {
		return nil, fmt.Errorf("spv: %d entry points, want 1", r.entries)
	}
	if err := r.interfaces(m); err != nil {
		return nil, fmt.Errorf("spv: %w", err)
	}
	return m, nil
}

// minimum words of the instructions that are looked into.
var minWords = map[uint32]int{
	opName: 3, opMemberName: 4, opEntryPoint: 4, opTypeInt: 4, opTypeFloat: 3, opTypeStruct: 2, opTypePointer: 4,
	opSpecConstantComposite: 3, opVariable: 4, opDecorate: 3, opMemberDecorate: 4,
}

func (r *reader) instruction(m *Module, in []uint32) error {
	op := in[0] & 0xffff
	if len(in) < minWords[op] {
		return fmt.Errorf("opcode %d with %d words", op, len(in))
	}
	switch op {
	case opName:
		r.names[in[1]] = text(in[2:])
	case opMemberName:
		r.fields[member{in[1], in[2]}] = text(in[3:])
	case opEntryPoint:
		r.entries++
		if in[1] != executionModelGLCompute {
			return fmt.Errorf("execution model %d is not GLCompute", in[1])
		}
		m.EntryPoint = text(in[3:])
	case opTypeInt, opTypeFloat, opTypeStruct, opTypePointer:
		r.defs[in[1]] = in
	case opSpecConstantComposite:
		r.defs[in[2]] = in
	case opVariable:
		r.defs[in[2]] = in
		r.order = append(r.order, in[2])
	case opDecorate:
		decorate(r.of, in[1], in[2:])
	case opMemberDecorate:
		decorate(r.members, member{in[1], in[2]}, in[3:])
	}
	return nil
}

func decorate[K comparable](of map[K]decorations, key K, in []uint32) {
	if of[key] == nil {
		of[key] = decorations{}
	}
	operand := uint32(0)
	if len(in) > 1 {
		operand = in[1]
	}
	of[key][in[0]] = operand
}

// text is the null-terminated UTF-8 string at the start of words.
func text(words []uint32) string {
	var b []byte
	for _, w := range words {
		for shift := 0; shift < 32; shift += 8 {
			c := byte(w >> shift)
			if c == 0 {
				return string(b)
			}
			b = append(b, c)
		}
	}
	return string(b)
}

// interfaces fills the module from the collected definitions.
func (r *reader) interfaces(m *Module) error {
	for id, d := range r.of {
		if d.has(decorationSpecID) {
			m.Constants = append(m.Constants, Constant{int(d[decorationSpecID]), r.names[id]})
		}
		if b, ok := d[decorationBuiltIn]; ok && b == builtInWorkgroupSize {
			r.localSize(m, id)
		}
	}
	slices.SortFunc(m.Constants, func(a, b Constant) int { return cmp.Or(a.Number-b.Number, cmp.Compare(b.Name, a.Name)) }) // "" last
	m.Constants = slices.CompactFunc(m.Constants, func(a, b Constant) bool { return a.Number == b.Number })
	for _, id := range r.order {
		v := r.defs[id]
		switch v[3] {
		case storageStorageBuffer:
			if err := r.buffer(m, id); err != nil {
				return err
			}
		case storagePushConstant:
			if err := r.push(m, v[1]); err != nil {
				return fmt.Errorf("push constants: %w", err)
			}
		case storageUniform, storageUniformConst:
			return fmt.Errorf("variable %%%d is a uniform, image or sampler: kernels use storage buffers only", id)
		}
	}
	slices.SortFunc(m.Bindings, func(a, b Binding) int { return a.Number - b.Number })
	slices.SortStableFunc(m.Push, func(a, b Scalar) int { return a.Offset - b.Offset })
	return nil
}

func (r *reader) localSize(m *Module, id uint32) {
	in := r.defs[id]
	if len(in) != 6 {
		return
	}
	for axis, part := range in[3:] {
		if d := r.of[part]; d.has(decorationSpecID) {
			m.LocalSizeID[axis] = int(d[decorationSpecID])
		}
	}
}

func (r *reader) pointee(pointer uint32) (uint32, bool) {
	p := r.defs[pointer]
	if p == nil || p[0]&0xffff != opTypePointer {
		return 0, false
	}
	return p[3], true
}

func (r *reader) buffer(m *Module, id uint32) error {
	d := r.of[id]
	if !d.has(decorationBinding) || d[decorationDescriptorSet] != 0 {
		return fmt.Errorf("variable %%%d: want a binding in descriptor set 0", id)
	}
	nonWritable, nonReadable := d.has(decorationNonWritable), d.has(decorationNonReadable)
	block, ok := r.pointee(r.defs[id][1])
	// A qualifier may stand on the block's members instead; then on all of them.
	if ok && r.defs[block] != nil {
		allW, allR := true, true
		for i := range r.defs[block][2:] {
			md := r.members[member{block, uint32(i)}]
			allW = allW && md.has(decorationNonWritable)
			allR = allR && md.has(decorationNonReadable)
		}
		nonWritable, nonReadable = nonWritable || allW, nonReadable || allR
	}
	b := Binding{int(d[decorationBinding]), !nonReadable, !nonWritable, r.names[block]}
	for i := range m.Bindings {
		if old := &m.Bindings[i]; old.Number == b.Number {
			old.Readable = old.Readable || b.Readable
			old.Writable = old.Writable || b.Writable
			if len(b.Name) < len(old.Name) {
				old.Name = b.Name
			}
			return nil
		}
	}
	m.Bindings = append(m.Bindings, b)
	return nil
}

// push takes the members of the block that a pointer's type leads to.
func (r *reader) push(m *Module, pointer uint32) error {
	block, _ := r.pointee(pointer)
	members := r.defs[block]
	if members == nil || members[0]&0xffff != opTypeStruct {
		return fmt.Errorf("type %%%d is no block", block)
	}
	for i, id := range members[2:] {
		at := member{block, uint32(i)}
		s := Scalar{Offset: int(r.members[at][decorationOffset]), Name: r.fields[at]}
		switch in := r.defs[id]; {
		case in != nil && in[0]&0xffff == opTypeInt:
			s.Bits = int(in[2])
			if in[3] == 1 {
				s.Kind = Int
			}
		case in != nil && in[0]&0xffff == opTypeFloat:
			s.Bits, s.Kind = int(in[2]), Float
		default:
			return fmt.Errorf("the one at byte %d is no number", s.Offset)
		}
		m.Push = append(m.Push, s)
	}
	return nil
}
