package weights

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shardPattern are the shards that llama-gguf-split --split-max-tensors 4
// --no-tensor-first-split made of valid-tiny.gguf.
const shardPattern = testdata + "sharded/tiny-*.gguf"

func TestShardedGGUF(t *testing.T) {
	whole := mustOpen(t, testdata+"bad-files/valid-tiny.gguf")
	paths := glob(t, shardPattern)
	for _, path := range append(paths, testdata+"sharded") {
		m := mustOpen(t, path)
		sameTensors(t, whole, m)
		if m.Config != whole.Config || len(m.Vocab.Pieces) != 360 || len(m.Files) != 4 || m.Size != 8608+9152+6624+7968 || m.Path != path {
			t.Errorf("%s: config %+v, %d pieces, %d files of %d bytes, path %s", path, m.Config, len(m.Vocab.Pieces), len(m.Files), m.Size, m.Path)
		}
		if m.Files[3] != paths[3] {
			t.Errorf("%s: last file %s", path, m.Files[3])
		}
	}
	for _, path := range paths {
		v, _, err := OpenVocab(path)
		if err != nil || len(v.Pieces) != 360 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestShardsThatDoNotBelongTogether(t *testing.T) {
	files := readFiles(t, shardPattern)
	const one, two, three, four = "tiny-00001-of-00004.gguf", "tiny-00002-of-00004.gguf", "tiny-00003-of-00004.gguf", "tiny-00004-of-00004.gguf"
	tiny := readTiny(t)
	tiny.set("split.no", value{typ: typeUint16, count: 1, data: []byte{2, 0}})
	tiny.set("split.count", value{typ: typeUint16, count: 1, data: []byte{4, 0}})
	foreign := tiny.bytes()
	for _, c := range []struct {
		name   string
		change func(map[string][]byte)
		open   string
		want   string
	}{
		{"one is missing", func(f map[string][]byte) { delete(f, three) }, one, three + " is missing: part 3 of the 4 of "},
		{"first is missing", func(f map[string][]byte) { delete(f, one) }, four, one + " is missing: part 1 of the 4 of "},
		{"folder lacks the first", func(f map[string][]byte) { delete(f, one) }, "", one + " is missing"},
		{"exchanged", func(f map[string][]byte) { f[two], f[three] = f[three], f[two] }, one, two + ": is part 3 of 4 by its metadata, want part 2 of 4"},
		{"exchanged and named", func(f map[string][]byte) { f[two], f[three] = f[three], f[two] }, two, two + ": is part 3 of 4 by its metadata, and another by its name"},
		{"foreign", func(f map[string][]byte) { f[three] = foreign }, one, "belongs to a model of 11 tensors (split.tensors.count), but its 4 parts have 18"},
		{"cut", func(f map[string][]byte) { f[three] = f[three][:len(f[three])-40] }, one, three + `: tensor "`},
		{"renamed", func(f map[string][]byte) { f["x.gguf"] = f[two] }, "x.gguf", "is part 2 of 4, but its name does not end in -00002-of-00004.gguf"},
		{"no GGUF", func(f map[string][]byte) { f[four] = []byte("<html>") }, one, four + `: not a GGUF file`},
	} {
		changed := maps.Clone(files)
		c.change(changed)
		dir := writeFiles(t, changed)
		m, err := Open(filepath.Join(dir, c.open))
		if err == nil {
			m.Close()
			t.Errorf("%s: no error", c.name)
		} else if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "weights: "+dir) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestSplitMetadata(t *testing.T) {
	u16 := func(n byte) value { return value{typ: typeUint16, count: 1, data: []byte{n, 0}} }
	for _, c := range []struct {
		no, count value
		want      string
	}{
		{u16(0), u16(1), ""},
		{u16(0), u16(0), ""},
		{u16(1), u16(1), "split.no is 1 and split.count 1"},
		{u16(0), u16(2), "is part 1 of 2 by its metadata, want part 1 of 1"},
		{u16(0), scalar32(typeUint32, 70000), "at most 1000 shards"},
		{textValue("0"), u16(2), `"split.no" at byte`},
	} {
		f := readTiny(t)
		f.set("split.no", c.no)
		f.set("split.count", c.count)
		_, err := Parse("tiny", f.bytes())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v %+v: %v, want %q", c.no, c.count, err, c.want)
		}
	}
}

// The same tensor in two shards, where nobody counted them.
func TestTensorInTwoShards(t *testing.T) {
	var files [][]byte
	for i := range byte(2) {
		f := readTiny(t)
		f.set("split.no", value{typ: typeUint16, count: 1, data: []byte{i, 0}})
		f.set("split.count", value{typ: typeUint16, count: 1, data: []byte{2, 0}})
		files = append(files, f.bytes())
	}
	_, err := parseShards([]string{"one", "two"}, files)
	if want := `weights: two: tensor "token_embd.weight" is in one too`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

func FuzzShards(f *testing.F) {
	var files [][]byte
	for _, path := range glob(f, shardPattern) {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		files = append(files, data)
	}
	f.Add(files[0], files[1], files[2], files[3])
	names := []string{"one", "two", "three", "four"}
	f.Fuzz(func(t *testing.T, a, b, c, d []byte) {
		all := [][]byte{a, b, c, d}
		for n := 1; n <= len(all); n++ {
			m, err := parseShards(names[:n], all[:n])
			if err != nil {
				if !strings.HasPrefix(err.Error(), "weights: ") {
					t.Errorf("%v", err)
				}
				continue
			}
			checkModel(t, m)
		}
	})
}

// checkModel looks at all values: they are finite if and only if CheckRows says so.
func checkModel(t *testing.T, m *Model) {
	t.Helper()
	for _, x := range m.Tensors {
		finite := x.CheckRows(0, x.Rows) == nil
		row := make([]float32, x.Cols)
		for r := range x.Rows {
			if err := x.DequantizeRows(row, r, 1); err != nil {
				t.Fatal(err)
			}
			for c, v := range row {
				if finite && v-v != 0 {
					t.Fatalf("%s: row %d, column %d is %v, CheckRows found nothing", x.Name, r, c, v)
				}
			}
		}
	}
}
