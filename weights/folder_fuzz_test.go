package weights

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealvk/weights/format"
)

// seedFiles gives the files of that name in all small folders.
func seedFiles(f *testing.F, name string) [][]byte {
	f.Helper()
	var list [][]byte
	for _, path := range glob(f, testdata+"bad-files/*/"+name) {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		list = append(list, data)
	}
	return list
}

// joinST puts the header's length in front, so that changes of the header stay readable.
func joinST(header, data []byte) []byte {
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(file, header...), data...)
}

// splitST undoes joinST, as far as the length lies in the file.
func splitST(file []byte) (header, data []byte) {
	if len(file) < 8 {
		return nil, nil
	}
	n := min(binary.LittleEndian.Uint64(file), uint64(len(file)-8))
	return file[8 : 8+n], file[8+n:]
}

// FuzzFolder reads config.json and a file with tensors as Open does.
func FuzzFolder(f *testing.F) {
	config := readFiles(f, testdata+"bad-files/valid-tiny-hf/"+configName)[configName]
	for _, file := range seedFiles(f, singleName) {
		header, data := splitST(file)
		f.Add(config, header, data)
	}
	for _, bits := range []int{4, 8} {
		files := newMLXFolder(bits, 32, format.BF16).files()
		header, data := splitST(files[singleName])
		f.Add(files[configName], header, data)
	}
	f.Fuzz(func(t *testing.T, config, header, data []byte) {
		c, err := parseFolderConfig(config)
		if err != nil {
			return
		}
		entries, err := parseSafetensors("dir/one", joinST(header, data))
		if err != nil {
			return
		}
		list, err := assemble("dir", c, entries)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "dir") {
				t.Errorf("error without a file's name: %v", err)
			}
			return
		}
		m := &Model{}
		m.setTensors(list)
		m.setConfig(c)
		if err := m.checkTensors(); err != nil {
			t.Fatal(err)
		}
		checkModel(t, m)
	})
}

// FuzzSafetensors reads one file: what is accepted covers its data.
func FuzzSafetensors(f *testing.F) {
	for _, file := range seedFiles(f, "*.safetensors") {
		header, data := splitST(file)
		f.Add(header, data)
	}
	f.Fuzz(func(t *testing.T, header, data []byte) {
		parseSafetensors("fuzz", data) // whatever its length says
		list, err := parseSafetensors("fuzz", joinST(header, data))
		if err != nil {
			return
		}
		covered := 0
		for _, e := range list {
			covered += len(e.data)
		}
		if covered != len(data) {
			t.Fatalf("%d bytes of tensors in %d", covered, len(data))
		}
	})
}

func FuzzIndex(f *testing.F) {
	for _, data := range seedFiles(f, indexName) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := parseIndex(data)
		if err != nil {
			return
		}
		for _, name := range x.files {
			if filepath.Dir(filepath.Join("dir", name)) != "dir" || filepath.Join("dir", name) != "dir/"+name {
				t.Errorf("%q leaves the folder", name)
			}
		}
		for _, name := range x.tensors {
			if !slices.Contains(x.files, x.file[name]) {
				t.Errorf("%q is in %q", name, x.file[name])
			}
		}
		x.check(nil)
	})
}

// FuzzFolderConfig reads a folder's JSON files.
func FuzzFolderConfig(f *testing.F) {
	for _, data := range seedFiles(f, configName) {
		f.Add(data)
	}
	for _, bits := range []int{4, 8} {
		f.Add(newMLXFolder(bits, 64, format.F16).files()[configName])
	}
	for _, data := range readFiles(f, testdata+"hf-mqa-8x256/*.json") {
		f.Add(data)
	}
	f.Add([]byte(`{"eos_token_id":[1,107],"chat_template":[{"name":"default","template":"{{ x }}"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		parseGenerationConfig(data)
		parseTokenizerConfig(data)
		c, err := parseFolderConfig(data)
		if err != nil {
			return
		}
		if err := c.check(); err != nil {
			t.Error(err)
		}
		if c.mlx != nil && format.MLX(c.mlx.bits, c.mlx.group, format.BF16).BlockValues() != c.mlx.group {
			t.Errorf("quantization %+v", c.mlx)
		}
	})
}
