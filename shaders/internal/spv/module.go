package spv

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Module is the interface of one compute kernel, read from its SPIR-V. What the
// optimizer removed because nothing used it is not in the module any more, and
// neither are names.
type Module struct {
	EntryPoint   string
	LocalSize    [3]uint32 // default values where LocalSizeID has a constant
	LocalSizeID  [3]int    // id of the specialization constant that sets it, else -1
	Constants    []uint32  // ids of the specialization constants, ascending
	Bindings     []Binding // descriptor set 0, ascending, one for each binding number
	Push         []Scalar  // the push-constant block, every vector and array taken apart
	Capabilities []uint32  // SPIR-V capability numbers, in the file's order
}

// Binding is a storage buffer. Variables that share a binding number (the same
// memory seen as float and as vec4) are one Binding, with the access of all.
type Binding struct {
	Number             int
	Readable, Writable bool
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
}

func (s Scalar) String() string { return fmt.Sprintf("%s%d at byte %d", s.Kind, s.Bits, s.Offset) }

// The parts of SPIR-V that Parse reads (SPIR-V specification, sections 2.3 and 3).
const (
	magic = 0x07230203

	opEntryPoint            = 15
	opExecutionMode         = 16
	opCapability            = 17
	opTypeInt               = 21
	opTypeFloat             = 22
	opTypeVector            = 23
	opTypeArray             = 28
	opTypeStruct            = 30
	opTypePointer           = 32
	opConstant              = 43
	opSpecConstant          = 50
	opSpecConstantComposite = 51
	opConstantComposite     = 44
	opVariable              = 59
	opDecorate              = 71
	opMemberDecorate        = 72

	executionModelGLCompute = 5
	modeLocalSize           = 17

	decorationSpecID        = 1
	decorationArrayStride   = 6
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
	defs    map[uint32][]uint32 // id → instruction (opcode word first), for types, constants, variables
	of      map[uint32]decorations
	members map[member]decorations
	order   []uint32 // ids of variables
	entries int
	depth   int // of scalars
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
	m := &Module{LocalSize: [3]uint32{1, 1, 1}, LocalSizeID: [3]int{-1, -1, -1}}
	r := reader{defs: map[uint32][]uint32{}, of: map[uint32]decorations{}, members: map[member]decorations{}}
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
	opEntryPoint: 4, opExecutionMode: 3, opCapability: 2, opTypeInt: 4, opTypeFloat: 3, opTypeVector: 4,
	opTypeArray: 4, opTypeStruct: 2, opTypePointer: 4, opConstant: 4, opSpecConstant: 4,
	opSpecConstantComposite: 3, opConstantComposite: 3, opVariable: 4, opDecorate: 3, opMemberDecorate: 4,
}

func (r *reader) instruction(m *Module, in []uint32) error {
	op := in[0] & 0xffff
	if len(in) < minWords[op] {
		return fmt.Errorf("opcode %d with %d words", op, len(in))
	}
	switch op {
	case opCapability:
		m.Capabilities = append(m.Capabilities, in[1])
	case opEntryPoint:
		r.entries++
		if in[1] != executionModelGLCompute {
			return fmt.Errorf("execution model %d is not GLCompute", in[1])
		}
		m.EntryPoint = text(in[3:])
	case opExecutionMode:
		if in[2] == modeLocalSize && len(in) >= 6 {
			copy(m.LocalSize[:], in[3:6])
		}
	case opTypeInt, opTypeFloat, opTypeVector, opTypeArray, opTypeStruct, opTypePointer:
		r.defs[in[1]] = in
	case opConstant, opSpecConstant, opConstantComposite, opSpecConstantComposite:
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
			m.Constants = append(m.Constants, d[decorationSpecID])
		}
		if b, ok := d[decorationBuiltIn]; ok && b == builtInWorkgroupSize {
			r.localSize(m, id)
		}
	}
	slices.Sort(m.Constants)
	m.Constants = slices.Compact(m.Constants)
	for _, id := range r.order {
		v := r.defs[id]
		switch v[3] {
		case storageStorageBuffer:
			if err := r.buffer(m, id); err != nil {
				return err
			}
		case storagePushConstant:
			block, ok := r.pointee(v[1])
			if !ok {
				return fmt.Errorf("push constants: no type")
			}
			if err := r.scalars(m, block, 0); err != nil {
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
		if c := r.defs[part]; c != nil && (c[0]&0xffff == opConstant || c[0]&0xffff == opSpecConstant) {
			m.LocalSize[axis] = c[3]
		}
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
	// A qualifier may stand on the block's members instead; then on all of them.
	if block, ok := r.pointee(r.defs[id][1]); ok && r.defs[block] != nil {
		allW, allR := true, true
		for i := range r.defs[block][2:] {
			md := r.members[member{block, uint32(i)}]
			allW = allW && md.has(decorationNonWritable)
			allR = allR && md.has(decorationNonReadable)
		}
		nonWritable, nonReadable = nonWritable || allW, nonReadable || allR
	}
	b := Binding{int(d[decorationBinding]), !nonReadable, !nonWritable}
	for i := range m.Bindings {
		if old := &m.Bindings[i]; old.Number == b.Number {
			old.Readable = old.Readable || b.Readable
			old.Writable = old.Writable || b.Writable
			return nil
		}
	}
	m.Bindings = append(m.Bindings, b)
	return nil
}

// Bounds of a push-constant block, far above any device's and any kernel's.
const (
	maxScalars = 1 << 14
	maxDepth   = 16
)

// scalars appends the scalars of a type at a byte offset.
func (r *reader) scalars(m *Module, id uint32, offset int) error {
	in := r.defs[id]
	if in == nil {
		return fmt.Errorf("type %%%d at byte %d is none of int, float, vector, array, struct", id, offset)
	}
	if len(m.Push) >= maxScalars || r.depth >= maxDepth {
		return fmt.Errorf("more than %d numbers or types nested %d deep", maxScalars, maxDepth)
	}
	r.depth++
	defer func() { r.depth-- }()
	switch in[0] & 0xffff {
	case opTypeInt:
		kind := Uint
		if in[3] == 1 {
			kind = Int
		}
		m.Push = append(m.Push, Scalar{offset, kind, int(in[2])})
	case opTypeFloat:
		m.Push = append(m.Push, Scalar{offset, Float, int(in[2])})
	case opTypeVector:
		return r.elements(m, in[2], int(in[3]), r.bytes(in[2]), offset)
	case opTypeArray:
		length := r.defs[in[3]]
		if length == nil || length[0]&0xffff != opConstant {
			return fmt.Errorf("array at byte %d: its length is no constant", offset)
		}
		return r.elements(m, in[2], int(length[3]), int(r.of[id][decorationArrayStride]), offset)
	case opTypeStruct:
		for i, part := range in[2:] {
			md := r.members[member{id, uint32(i)}]
			if err := r.scalars(m, part, offset+int(md[decorationOffset])); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("type %%%d at byte %d is none of int, float, vector, array, struct", id, offset)
	}
	return nil
}

func (r *reader) elements(m *Module, id uint32, count, stride, offset int) error {
	if count > maxScalars || stride <= 0 {
		return fmt.Errorf("%d elements of stride %d at byte %d", count, stride, offset)
	}
	for i := range count {
		if err := r.scalars(m, id, offset+i*stride); err != nil {
			return err
		}
	}
	return nil
}

// bytes is the size of a scalar type.
func (r *reader) bytes(id uint32) int {
	if in := r.defs[id]; len(in) > 2 {
		return int(in[2]) / 8
	}
	return 0
}
