package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// stFile builds a safetensors file.
type stFile struct{ entries []*stEntry }

func (f *stFile) add(name, dtype string, data []byte, shape ...int) {
	e := &stEntry{name: name, dtype: dtype, data: data}
	for _, d := range shape {
		e.shape = append(e.shape, uint64(d))
	}
	f.entries = append(f.entries, e)
}

func (f *stFile) entry(name string) *stEntry {
	return f.entries[slices.IndexFunc(f.entries, func(e *stEntry) bool { return e.name == name })]
}

func (f *stFile) remove(name string) {
	f.entries = slices.DeleteFunc(f.entries, func(e *stEntry) bool { return e.name == name })
}

func (f *stFile) bytes() []byte {
	var header, data bytes.Buffer
	header.WriteString(`{"__metadata__":{"format":"pt"}`)
	for _, e := range f.entries {
		begin := data.Len()
		data.Write(e.data)
		shape, _ := json.Marshal(append([]uint64{}, e.shape...))
		fmt.Fprintf(&header, `,%q:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, e.name, e.dtype, shape, begin, data.Len())
	}
	header.WriteString("}  ")
	file := binary.LittleEndian.AppendUint64(nil, uint64(header.Len()))
	return append(append(file, header.Bytes()...), data.Bytes()...)
}

// readST takes a file apart, to be changed and put together again.
func readST(t testing.TB, path string) *stFile {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	list, err := parseSafetensors(path, data)
	if err != nil {
		t.Fatal(err)
	}
	return &stFile{list}
}

func TestSafetensorsHeader(t *testing.T) {
	const plain = `{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	for _, c := range []struct{ name, header, want string }{
		{"plain", `{"a":` + plain + `}`, ""},
		{"padded", `{"a":` + plain + `}   `, ""},
		{"with metadata", `{"__metadata__":{"a":"b"},"a":` + plain + `}`, ""},
		{"scalar and empty", `{"a":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[4,0],"data_offsets":[8,8]}}`, ""},
		{"4-bit", `{"a":{"dtype":"F4","shape":[16],"data_offsets":[0,8]}}`, ""},
		{"half a byte", `{"a":{"dtype":"F4","shape":[15],"data_offsets":[0,8]}}`, "8 bytes are not what shape [15] of F4 takes"},
		{"twice", `{"a":` + plain + `,"a":` + plain + `}`, `JSON key "a" appears twice`},
		{"more behind", `{"a":` + plain + `}{}`, "more text behind the JSON object, from byte 54"},
		{"blank in front", ` {"a":` + plain + `}`, `begins with " "`},
		{"gap in front", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, `tensor "a": data at offset 4 leaves a gap behind "the header"`},
		{"gap", `{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}`, `tensor "a": data at offset 4 leaves a gap behind "b"`},
		{"too little", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "the tensors take 4 bytes, but 8 follow the header"},
		{"nothing", `{}`, "the tensors take 0 bytes, but 8 follow"},
		{"overflow", `{"a":{"dtype":"F32","shape":[281474976710656,281474976710656],"data_offsets":[0,8]}}`, "the size overflows"},
		{"dimension", `{"a":{"dtype":"F32","shape":[1e3],"data_offsets":[0,8]}}`, "shape: dimension at byte 32 is 1e3, want a whole number"},
		{"offset", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551616]}}`, "want a whole number from 0"},
		{"offsets", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}`, "has 1 items, want begin and end"},
		{"no dtype", `{"a":{"shape":[2],"data_offsets":[0,8]}}`, `tensor "a": key "dtype" is missing`},
		{"no object", `{"a":7}`, "is a JSON number, want an object"},
		{"NaN", `{"a":NaN}`, "not JSON behind byte 5: invalid character 'N'"},
	} {
		file := binary.LittleEndian.AppendUint64(nil, uint64(len(c.header)))
		_, err := parseSafetensors("f", append(append(file, c.header...), make([]byte, 8)...))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	huge := binary.LittleEndian.AppendUint64(nil, maxSafetensorsHeader+1)
	if _, err := parseSafetensors("f", append(huge, make([]byte, maxSafetensorsHeader+1)...)); err == nil || !strings.Contains(err.Error(), "at most 100000000 are allowed") {
		t.Errorf("a header above the bound: %v", err)
	}
}

func TestSafetensorsCutAnywhere(t *testing.T) {
	data, err := os.ReadFile(testdata + "bad-files/valid-tiny-hf/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	start := 8 + int(binary.LittleEndian.Uint64(data)) // of the data, where a cut every 101 bytes will do
	for n := 0; n < len(data); n += map[bool]int{true: 1, false: 101}[n < start+100] {
		if _, err := parseSafetensors("cut", data[:n]); err == nil {
			t.Fatalf("no error with %d of %d bytes", n, len(data))
		}
	}
}

func TestIndex(t *testing.T) {
	for name, want := range map[string]string{
		"model-1.safetensors": "", "sub/model.safetensors": "is not the name", "..": "is not the name", `a\\b.safetensors`: "is not the name",
		"/etc/x.safetensors": "is not the name", "c:x.safetensors": "is not the name", "model.bin": "is not the name", "": "is not the name",
	} {
		_, err := parseIndex([]byte(`{"weight_map":{"a":"` + name + `"}}`))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
	for text, want := range map[string]string{
		`{}`: `"weight_map" is missing`, `{"weight_map":{}}`: "names 0 files", `{"weight_map":{"a":1}}`: `the file of "a" at byte 20 is a JSON number`,
		`{"weight_map":{"a":"b.safetensors","a":"c.safetensors"}}`: `"a" appears twice`,
	} {
		if _, err := parseIndex([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// shard distributes tensors over n files with an index.
func shard(f *stFile, n int) map[string][]byte {
	files, weightMap := map[string][]byte{}, map[string]string{}
	for i := range n {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, n)
		part := &stFile{f.entries[i*len(f.entries)/n : (i+1)*len(f.entries)/n]}
		for _, e := range part.entries {
			weightMap[e.name] = name
		}
		files[name] = part.bytes()
	}
	files[indexName], _ = json.Marshal(map[string]any{"metadata": map[string]any{"total_size": 1}, "weight_map": weightMap})
	return files
}

func TestShardsAreTheSameModel(t *testing.T) {
	whole := mustOpen(t, testdata+"hf-mqa-8x256")
	files := shard(readST(t, testdata+"hf-mqa-8x256/model.safetensors"), 3)
	files[configName] = readFiles(t, testdata+"hf-mqa-8x256/config.json")[configName]
	sharded := mustOpen(t, writeFiles(t, files))
	sameTensors(t, whole, sharded)
	names := func(m *Model) (list []string) {
		for _, x := range m.Tensors {
			list = append(list, x.Name)
		}
		return list
	}
	if !slices.Equal(names(whole), names(sharded)) || len(sharded.Files) != 3 {
		t.Errorf("%v in %v, want the order %v", names(sharded), sharded.Files, names(whole))
	}
	for name := range maps.Keys(files) {
		if filepath.Ext(name) != ".safetensors" {
			continue
		}
		lacking := maps.Clone(files)
		delete(lacking, name)
		dir := writeFiles(t, lacking)
		if _, err := Open(dir); err == nil || err.Error() != "weights: "+dir+": "+name+" is missing; fetch it into the same folder" {
			t.Errorf("without %s: %v", name, err)
		}
	}
}
