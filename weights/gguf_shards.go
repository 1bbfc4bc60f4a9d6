package weights

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
)

// shardName is how llama-gguf-split names the parts of a model, from 1 on.
var shardName = regexp.MustCompile(`^(.+)-(\d{5})-of-(\d{5})\.gguf$`)

// split is what a shard says of itself; a file that is no shard is part 0 of 1.
type split struct {
	no, count int
	tensors   int // of all parts, -1 if the file does not say
}

func readSplit(md *metadata) split {
	s := split{no: md.integer("split.no", 0), count: md.integer("split.count", 1), tensors: -1}
	if _, ok := md.values["split.tensors.count"]; ok {
		s.tensors = md.integer("split.tensors.count", -1)
	}
	s.count = max(s.count, 1) // 0 stands for a model that is whole
	if s.no >= s.count || s.count > maxShards {
		md.failf("split.no is %d and split.count %d; want a number below the count and at most %d shards", s.no, s.count, maxShards)
	}
	return s
}

// shardPath gives the path of the file that is part i of the model that p is a part of.
func (p *ggufPart) shardPath(i int) (string, error) {
	s := p.split
	dir, name := filepath.Split(p.path)
	m := shardName.FindStringSubmatch(name)
	if m == nil {
		return "", p.fail(fmt.Errorf("is part %d of %d, but its name does not end in -%05d-of-%05d.gguf, so that the others cannot be found; give it that name",
			s.no+1, s.count, s.no+1, s.count))
	}
	if no, _ := strconv.Atoi(m[2]); no != s.no+1 || m[3] != fmt.Sprintf("%05d", s.count) {
		return "", p.fail(fmt.Errorf("is part %d of %d by its metadata, and another by its name; give it back the name that it was published with", s.no+1, s.count))
	}
	return dir + fmt.Sprintf("%s-%05d-of-%05d.gguf", m[1], i+1, s.count), nil
}

// openGGUF maps and reads a GGUF file and, if it is a shard, all others.
func (m *Model) openGGUF(path string) error {
	given, err := m.openPart(path)
	if err != nil {
		return err
	}
	s := given.split
	if s.count == 1 {
		return m.readParts([]*ggufPart{given})
	}
	parts := make([]*ggufPart, s.count)
	for i := range parts {
		name, err := given.shardPath(i)
		if err != nil {
			return err
		}
		if parts[i] = given; i == s.no {
			continue
		}
		parts[i], err = m.openPart(name)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is missing: part %d of the %d of %s; fetch it into the same folder", name, i+1, s.count, path)
		}
		if err != nil {
			return err
		}
	}
	return m.readParts(parts)
}

func (m *Model) openPart(path string) (*ggufPart, error) {
	data, err := m.mapFile(path)
	if err != nil {
		return nil, err
	}
	return readPart(path, data)
}

// checkSplit wants the parts to be all parts of one model, in order.
func checkSplit(parts []*ggufPart) error {
	announced := uint64(0)
	for _, p := range parts {
		announced += p.tensors // at most one for each 33 bytes of a file
	}
	for i, p := range parts {
		switch s := p.split; {
		case s.count != len(parts) || s.no != i:
			return p.fail(fmt.Errorf("is part %d of %d by its metadata, want part %d of %d; the files are not of one model", s.no+1, s.count, i+1, len(parts)))
		case s.count > 1 && s.tensors >= 0 && uint64(s.tensors) != announced:
			return p.fail(fmt.Errorf("belongs to a model of %d tensors (split.tensors.count), but its %d parts have %d; the files are not of one model", s.tensors, s.count, announced))
		}
	}
	return nil
}

// checkDistinct refuses a tensor that two shards hold.
func checkDistinct(list []*Tensor) error {
	in := make(map[string]string, len(list))
	for _, t := range list {
		if other, twice := in[t.Name]; twice {
			return fmt.Errorf("%s: tensor %q is in %s too; the files are not of one model", t.path, t.Name, other)
		}
		in[t.Name] = t.path
	}
	return nil
}

// OpenVocab reads only the vocabulary of the GGUF file at path, which need not hold a
// model; of a sharded model it may be any shard. The warnings are as a [Model]'s.
func OpenVocab(path string) (v *Vocab, warnings []string, err error) {
	m := &Model{Path: path}
	defer m.unmap()
	if v, warnings, err = m.openVocab(path); err != nil {
		return nil, nil, fmt.Errorf("weights: %w", err)
	}
	return v, warnings, nil
}

func (m *Model) openVocab(path string) (*Vocab, []string, error) {
	p, err := m.openPart(path)
	if err != nil {
		return nil, nil, err
	}
	if p.split.no > 0 {
		if path, err = p.shardPath(0); err != nil {
			return nil, nil, err
		}
		if p, err = m.openPart(path); err != nil {
			return nil, nil, err
		}
	}
	v, _, err := readVocab(p.md)
	if err != nil {
		return nil, nil, p.fail(err)
	}
	return v, p.md.warnings, nil
}
