package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// valueType is the type of a metadata value (GGUF specification, gguf_metadata_value_type).
type valueType uint32

const (
	typeUint8 valueType = iota
	typeInt8
	typeUint16
	typeInt16
	typeUint32
	typeInt32
	typeFloat32
	typeBool
	typeString
	typeArray
	typeUint64
	typeInt64
	typeFloat64
)

// valueTypes gives each type's name and size in bytes; a string's is that of its length field.
var valueTypes = [...]struct {
	name string
	size uint64
}{
	{"uint8", 1}, {"int8", 1}, {"uint16", 2}, {"int16", 2}, {"uint32", 4}, {"int32", 4}, {"float32", 4},
	{"bool", 1}, {"string", 8}, {"array", 12}, {"uint64", 8}, {"int64", 8}, {"float64", 8},
}

// value is one metadata value, still in the file's bytes.
type value struct {
	typ   valueType // of an array: the type of its elements
	array bool
	count uint64 // elements; 1 if no array
	data  []byte // a string's text, else the bytes as stored (array elements of type string with their lengths)
	off   int    // where data begins in the file
	entry []byte // as stored, with key and type
}

func (v value) String() string {
	name := valueTypes[v.typ].name
	if v.array {
		return fmt.Sprintf("array of %d %s", v.count, name)
	}
	return name
}

// metadata holds a file's keys. Reading a value of the wrong type or a required one
// that is absent sets err, which sticks.
type metadata struct {
	keys     []string // file order
	values   map[string]value
	warnings []string // see Model
	err      error
}

// warnf notes what is odd about the file and does not matter.
func (m *metadata) warnf(format string, args ...any) {
	m.warnings = append(m.warnings, fmt.Sprintf(format, args...))
}

func readMetadata(c *cursor, count uint64) *metadata {
	m := &metadata{values: map[string]value{}}
	var keys, nested, bools oddities
	for i := uint64(0); i < count && c.err == nil; i++ {
		c.what = fmt.Sprintf("metadata entry %d of %d", i+1, count)
		at := c.off
		key := string(c.str())
		if len(key) > 65535 {
			c.failf("key %.40q at byte %d is longer than 65535 bytes", key, at)
		}
		if c.err != nil {
			break
		}
		c.what = fmt.Sprintf("metadata key %q at byte %d", key, at)
		if _, twice := m.values[key]; twice {
			c.failf("appears twice")
		}
		m.keys = append(m.keys, key)
		v := readValue(c)
		v.entry = c.data[at:c.off]
		m.values[key] = v
		switch {
		case c.err != nil:
		case key == "" || !utf8.ValidString(key):
			keys.add(fmt.Sprintf("metadata key %.40q at byte %d is empty or not UTF-8", key, at))
		case v.array && v.typ == typeArray:
			nested.add(fmt.Sprintf("metadata key %q at byte %d has arrays in an array; it is passed over", key, at))
		case v.typ == typeBool && !v.array && v.data[0] > 1:
			bools.add(fmt.Sprintf("metadata key %q at byte %d is a bool of %d; it is taken to be true", key, at, v.data[0]))
		}
	}
	for _, o := range []oddities{keys, nested, bools} {
		o.warn(m)
	}
	return m
}

// oddities are of one kind: the first is told, the others are counted.
type oddities struct {
	first string
	count int
}

func (o *oddities) add(what string) {
	if o.count++; o.count == 1 {
		o.first = what
	}
}

func (o *oddities) warn(m *metadata) {
	switch o.count {
	case 0:
	case 1:
		m.warnf("%s", o.first)
	default:
		m.warnf("%s (and %d more of that kind)", o.first, o.count-1)
	}
}

func readValue(c *cursor) value {
	v := value{typ: readType(c), count: 1, off: c.off}
	switch v.typ {
	case typeArray:
		v.array = true
		v.typ, v.count, v.off = readArray(c, 0)
		v.data = c.data[v.off:c.off]
	case typeString:
		v.data = c.str()
		v.off = c.off - len(v.data)
	default:
		v.data = c.take(valueTypes[v.typ].size)
	}
	return v
}

// maxNesting bounds the arrays that lie in each other.
const maxNesting = 8

// readArray passes over an array that lies in depth others. Its elements begin at byte off.
func readArray(c *cursor, depth int) (typ valueType, count uint64, off int) {
	typ = readType(c)
	count = c.count("array elements", valueTypes[typ].size)
	off = c.off
	switch {
	case typ == typeArray && depth == maxNesting:
		c.failf("arrays lie in each other more than %d deep", maxNesting)
	case typ == typeArray:
		for i := uint64(0); i < count && c.err == nil; i++ {
			readArray(c, depth+1)
		}
	case typ == typeString:
		for i := uint64(0); i < count && c.err == nil; i++ {
			c.str()
		}
	default:
		c.take(count * valueTypes[typ].size) // count is bounded by the file's size
	}
	return typ, count, off
}

func readType(c *cursor) valueType {
	t := c.u32()
	if t >= uint32(len(valueTypes)) {
		c.failf("unknown value type %d at byte %d", t, c.off-4)
		return 0
	}
	return valueType(t)
}

func (m *metadata) failf(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf(format, args...)
	}
}

// get looks a key up; the lack of a required one is an error.
func (m *metadata) get(key string, required bool) (value, bool) {
	v, ok := m.values[key]
	if !ok && required {
		m.failf("metadata key %q is missing", key)
	}
	return v, ok
}

// wrong reports that a value's type is not what the caller wanted.
func (m *metadata) wrong(key string, v value, want string) {
	m.failf("metadata key %q at byte %d is %v, want %s", key, v.off, v, want)
}

// integer gives a count from any integer type, between 0 and 2^31-1; def (< 0: the
// key is required) if it is absent.
func (m *metadata) integer(key string, def int) int {
	v, ok := m.get(key, def < 0)
	if !ok {
		return def
	}
	n, ok := v.integer()
	switch {
	case !ok:
		m.wrong(key, v, "an integer")
	case n > math.MaxInt32:
		m.failf("metadata key %q at byte %d is out of range: %s", key, v.off, v.display())
	}
	return int(n)
}

// integer gives a scalar integer's value, negative ones as a huge number.
func (v value) integer() (uint64, bool) {
	var signed bool
	switch v.typ {
	case typeUint8, typeUint16, typeUint32, typeUint64:
	case typeInt8, typeInt16, typeInt32, typeInt64:
		signed = true
	default:
		return 0, false
	}
	if v.array {
		return 0, false
	}
	var b [8]byte
	copy(b[:], v.data)
	n, unused := binary.LittleEndian.Uint64(b[:]), 64-8*len(v.data)
	if signed {
		n = uint64(int64(n<<unused) >> unused)
	}
	return n, true
}

// float gives a positive finite float; def (0: the key is required) if it is absent.
func (m *metadata) float(key string, def float32) float32 {
	v, ok := m.get(key, def == 0)
	if !ok {
		return def
	}
	f, ok := v.float()
	if !ok {
		m.wrong(key, v, "a float")
	} else if !(float32(f) > 0 && f <= math.MaxFloat32) {
		m.failf("metadata key %q at byte %d is %v, want a positive number", key, v.off, f)
	}
	return float32(f)
}

func (v value) float() (float64, bool) {
	switch {
	case v.array:
	case v.typ == typeFloat32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(v.data))), true
	case v.typ == typeFloat64:
		return math.Float64frombits(binary.LittleEndian.Uint64(v.data)), true
	}
	return 0, false
}

// boolean gives a bool that no answer depends on; def if there is none.
func (m *metadata) boolean(key string, def bool) bool {
	v, ok := m.values[key]
	switch {
	case !ok:
		return def
	case v.array || v.typ != typeBool:
		m.warnf("metadata key %q at byte %d is %v, not a bool", key, v.off, v)
		return def
	}
	return v.data[0] != 0
}

func (m *metadata) text(key string, required bool) string {
	v, ok := m.get(key, required)
	if !ok {
		return ""
	}
	if v.array || v.typ != typeString {
		m.wrong(key, v, "a string")
		return ""
	}
	if !utf8.Valid(v.data) {
		m.failf("metadata key %q at byte %d is not valid UTF-8", key, v.off)
	}
	return string(v.data)
}

// shown gives a text that is only shown, whatever the file has in its place; "" if it is absent.
func (m *metadata) shown(key string) string {
	v, ok := m.values[key]
	switch {
	case !ok:
		return ""
	case v.array || v.typ != typeString:
		m.warnf("metadata key %q at byte %d is %v, not a string", key, v.off, v)
	case !utf8.Valid(v.data):
		m.warnf("metadata key %q at byte %d is not valid UTF-8", key, v.off)
	}
	return v.display()
}

// array gives a required array of one of the element types.
func (m *metadata) array(key string, types ...valueType) value {
	v, ok := m.get(key, true)
	if !ok {
		return value{}
	}
	if v.array && slices.Contains(types, v.typ) {
		return v
	}
	m.wrong(key, v, "an array of "+valueTypes[types[0]].name)
	return value{}
}

// Entry is one metadata key for display.
type Entry struct {
	Key, Type string
	Value     string // text of a scalar or string; empty for arrays
}

func (m *metadata) entries() []Entry {
	list := make([]Entry, len(m.keys))
	for i, key := range m.keys {
		v := m.values[key]
		list[i] = Entry{escaped(key), v.String(), v.display()}
	}
	return list
}

// escaped spells bytes that are no UTF-8 as \xNN.
func escaped(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if _, n := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[i])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (v value) display() string {
	if v.array {
		return ""
	}
	if f, ok := v.float(); ok {
		bits := 64
		if v.typ == typeFloat32 {
			bits = 32
		}
		return strconv.FormatFloat(f, 'g', -1, bits)
	}
	switch n, _ := v.integer(); v.typ {
	case typeString:
		return escaped(string(v.data))
	case typeBool:
		return strconv.FormatBool(v.data[0] != 0)
	case typeInt8, typeInt16, typeInt32, typeInt64:
		return strconv.FormatInt(int64(n), 10)
	default:
		return strconv.FormatUint(n, 10)
	}
}
