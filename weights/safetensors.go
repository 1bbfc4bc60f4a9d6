package weights

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"sealvk/weights/format"
)

// maxSafetensorsHeader is the format's own bound.
const maxSafetensorsHeader = 100_000_000

// dtypes gives the bits of a value of each of the format's types.
var dtypes = map[string]uint64{
	"BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64, "I64": 64,
	"F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64,
	"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
	"F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
}

// floatTypes are the dtypes that are weights of ours as they are.
var floatTypes = map[string]format.Type{"F32": format.F32, "F16": format.F16, "BF16": format.BF16}

// stEntry is a tensor of a safetensors file.
type stEntry struct {
	name, dtype string
	shape       []uint64
	data        []byte // the file's bytes, at any alignment
	path        string // of the file
	begin, end  uint64 // of data behind the header
	used        bool   // is part of the model
	order       int    // among the folder's entries
}

// parseSafetensors reads a file (https://github.com/huggingface/safetensors#format): the
// header's length in 8 bytes, the header in JSON, the data. The entries come in the
// order of their data, which they cover without gap or overlap.
func parseSafetensors(path string, file []byte) ([]*stEntry, error) {
	if len(file) == 0 {
		return nil, fmt.Errorf("the file is empty")
	}
	if len(file) < 8 {
		return nil, fmt.Errorf("the file has %d bytes, too few for the header's length (incomplete download? fetch it again)", len(file))
	}
	n, rest := binary.LittleEndian.Uint64(file), file[8:]
	if n > maxSafetensorsHeader {
		return nil, fmt.Errorf("not a safetensors file or a damaged one: its header would have %d bytes, at most %d are allowed", n, maxSafetensorsHeader)
	}
	if n > uint64(len(rest)) {
		return nil, fmt.Errorf("the header of %d bytes ends past the end of the file, which has %d (incomplete download? fetch it again)", n, len(file))
	}
	header, data := rest[:n], rest[n:]
	if n == 0 || header[0] != '{' {
		return nil, fmt.Errorf("header: begins with %.1q, want \"{\"", header)
	}
	root, err := parseJSON(header)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	var list []*stEntry
	for _, name := range root.keys {
		if name == "__metadata__" {
			continue
		}
		e, err := readEntry(root.fields[name], uint64(len(data)))
		if err != nil {
			return nil, fmt.Errorf("header: tensor %.80q: %w", name, err)
		}
		e.name, e.path = name, path
		e.data = data[e.begin:e.end:e.end]
		list = append(list, e)
	}
	return list, checkCover(list, uint64(len(data)))
}

// readEntry reads a tensor's description and holds it against the data's length.
func readEntry(v *jsonValue, length uint64) (*stEntry, error) {
	if v.kind != "object" {
		return nil, fmt.Errorf("description at byte %d is a JSON %s, want an object", v.at, v.kind)
	}
	o := &jsonObject{jsonValue: v}
	dtype, shape, offsets := o.get("dtype", "string", true), o.get("shape", "array", true), o.get("data_offsets", "array", true)
	if o.err != nil {
		return nil, o.err
	}
	width, known := dtypes[dtype.text]
	if !known {
		return nil, fmt.Errorf("dtype %.20q at byte %d is unknown", dtype.text, dtype.at)
	}
	e := &stEntry{dtype: dtype.text}
	size := width // bits
	for _, d := range shape.items {
		n, err := d.count(1 << 48)
		if err != nil {
			return nil, fmt.Errorf("shape: dimension %w", err)
		}
		hi, product := bits.Mul64(size, n)
		if hi != 0 {
			return nil, fmt.Errorf("shape at byte %d: the size overflows", shape.at)
		}
		size = product
		e.shape = append(e.shape, n)
	}
	if len(offsets.items) != 2 {
		return nil, fmt.Errorf("data_offsets at byte %d has %d items, want begin and end", offsets.at, len(offsets.items))
	}
	for i, p := range []*uint64{&e.begin, &e.end} {
		n, err := offsets.items[i].count(1 << 62)
		if err != nil {
			return nil, fmt.Errorf("data_offsets: %w", err)
		}
		*p = n
	}
	switch {
	case e.begin > e.end:
		return nil, fmt.Errorf("data_offsets at byte %d: the end %d lies in front of the begin %d", offsets.at, e.end, e.begin)
	case e.end > length:
		return nil, fmt.Errorf("data_offsets at byte %d: the data end at %d, past the end of the file, which has %d bytes of them (incomplete download? fetch it again)", offsets.at, e.end, length)
	case size%8 != 0 || e.end-e.begin != size/8:
		return nil, fmt.Errorf("data_offsets at byte %d: %d bytes are not what shape %v of %s takes", offsets.at, e.end-e.begin, e.shape, e.dtype)
	}
	return e, nil
}

// checkCover sorts the entries by their data and wants every byte in exactly one.
func checkCover(list []*stEntry, length uint64) error {
	slices.SortFunc(list, func(a, b *stEntry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.name, b.name))
	})
	end, last := uint64(0), "the header"
	for _, e := range list {
		if e.begin < end {
			return fmt.Errorf("header: tensor %q: data at offset %d overlaps %q, which ends at %d", e.name, e.begin, last, end)
		}
		if e.begin > end {
			return fmt.Errorf("header: tensor %q: data at offset %d leaves a gap behind %q, which ends at %d", e.name, e.begin, last, end)
		}
		end, last = e.end, e.name
	}
	if end != length {
		return fmt.Errorf("the tensors take %d bytes, but %d follow the header; the file is damaged", end, length)
	}
	return nil
}
