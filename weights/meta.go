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
	keys   []string // file order
	values map[string]value
	err    error
}

func readMetadata(c *cursor, count uint64) *metadata {
	m := &metadata{values: map[string]value{}}
	for i := uint64(0); i < count && c.err == nil; i++ {
		c.what = fmt.Sprintf("metadata entry %d of %d", i+1, count)
		at := c.off
		key := string(c.str())
		if c.err != nil {
			break
		}
		if key == "" || len(key) > 65535 || !utf8.ValidString(key) {
			c.failf("key %.40q at byte %d is empty, longer than 65535 bytes or not UTF-8", key, at)
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
	}
	return m
}

func readValue(c *cursor) value {
	v := value{count: 1}
	v.typ = readType(c)
	if v.typ == typeArray {
		v.array = true
		if v.typ = readType(c); v.typ == typeArray {
			c.failf("arrays of arrays are not supported")
			return v
		}
		v.count = c.count("array elements", valueTypes[v.typ].size)
	}
	v.off = c.off
	switch {
	case v.typ == typeString && v.array:
		for i := uint64(0); i < v.count && c.err == nil; i++ {
			c.str()
		}
		v.data = c.data[v.off:c.off]
	case v.typ == typeString:
		v.data = c.str()
		v.off = c.off - len(v.data)
	default:
		v.data = c.take(v.count * valueTypes[v.typ].size) // count is bounded by the file's size
	}
	if v.typ == typeBool && !v.array && c.err == nil && v.data[0] > 1 {
		c.failf("bool is %d, want 0 or 1", v.data[0])
	}
	return v
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

func (m *metadata) boolean(key string, def bool) bool {
	v, ok := m.get(key, false)
	if !ok {
		return def
	}
	if v.array || v.typ != typeBool {
		m.wrong(key, v, "a bool")
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
		list[i] = Entry{key, v.String(), v.display()}
	}
	return list
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
		return strings.ToValidUTF8(string(v.data), "\uFFFD")
	case typeBool:
		return strconv.FormatBool(v.data[0] != 0)
	case typeInt8, typeInt16, typeInt32, typeInt64:
		return strconv.FormatInt(int64(n), 10)
	default:
		return strconv.FormatUint(n, 10)
	}
}
