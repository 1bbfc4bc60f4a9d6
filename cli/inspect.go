package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"sealvk/prompt"
	"sealvk/tokenize"
	"sealvk/vk"
	"sealvk/weights"
)

func (p *program) inspectCommand() *cli.Command {
	f := newModelFlags()
	var asJSON, quick bool
	return &cli.Command{
		Name:        "inspect",
		Usage:       "show what a model file holds, and check it",
		ArgsUsage:   "MODEL",
		Description: "Every value of every tensor is checked for NaN and infinity, which reads the whole file.",
		Flags: []cli.Flag{
			f.pathFlag(),
			toggleFlag(&asJSON, "", "json", "print one JSON object"),
			toggleFlag(&quick, "", "quick", "do not check the tensors' values"),
		},
		Action: func(c *cli.Context) error {
			path := f.path
			switch {
			case c.NArg() > 1 || c.NArg() == 1 && (path != "" || c.Args().First() == ""):
				return errors.New("inspect takes one model file")
			case c.NArg() == 1:
				path = c.Args().First()
			}
			return p.inspect(path, asJSON, quick)
		},
	}
}

// inspection is the object of inspect --json.
type inspection struct {
	Path          string            `json:"path"`
	Bytes         int64             `json:"bytes"`
	Format        string            `json:"format"`
	FileType      string            `json:"file_type"`
	Parameters    int64             `json:"parameters"`
	Config        inspectedConfig   `json:"config"`
	Vocabulary    inspectedVocab    `json:"vocabulary"`
	ChatTemplate  string            `json:"chat_template"`       // seallm, chatml or gemma by its markers; "" if none fits
	TemplateBytes int               `json:"chat_template_bytes"` // of the Jinja source; 0: the file has none
	ChecksValues  bool              `json:"values_checked"`
	Types         []inspectedType   `json:"types"`
	Metadata      []inspectedEntry  `json:"metadata"`
	Tensors       []inspectedTensor `json:"tensors"`
}

type inspectedConfig struct {
	Arch      string  `json:"arch"`
	Name      string  `json:"name"`
	Layers    int     `json:"layers"`
	Dim       int     `json:"dim"`
	FFNDim    int     `json:"ffn_dim"`
	Heads     int     `json:"heads"`
	KVHeads   int     `json:"kv_heads"`
	HeadDim   int     `json:"head_dim"`
	Vocab     int     `json:"vocab"`
	Context   int     `json:"context"`
	RopeTheta float32 `json:"rope_theta"`
	NormEps   float32 `json:"norm_eps"`
}

type inspectedVocab struct {
	Size int   `json:"size"`
	BOS  int32 `json:"bos"`
	EOS  int32 `json:"eos"`
	UNK  int32 `json:"unk"`
	PAD  int32 `json:"pad"`
}

type inspectedType struct {
	Type    string `json:"type"`
	Tensors int    `json:"tensors"`
	Values  int64  `json:"values"`
	Bytes   int64  `json:"bytes"`
}

type inspectedEntry struct {
	Key   string `json:"key"`
	Type  string `json:"type"`
	Value string `json:"value,omitempty"`
}

type inspectedTensor struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Rows  int    `json:"rows"`
	Cols  int    `json:"cols"`
	Bytes int64  `json:"bytes"`
}

func (p *program) inspect(path string, asJSON, quick bool) (err error) {
	file, err := p.openFile(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	tok, err := tokenizerOf(file)
	if err != nil {
		return err
	}
	if !quick {
		if err := file.CheckFinite(); err != nil {
			return err
		}
	}
	in := look(file, tok)
	in.ChecksValues = !quick
	w := bufio.NewWriter(p.stdout)
	if asJSON {
		err = encodeJSON(w, "  ", in)
	} else {
		err = in.print(w)
	}
	return errors.Join(err, w.Flush())
}

func look(file *weights.Model, tok *tokenize.Tokenizer) *inspection {
	c := file.Config
	in := &inspection{
		Path: file.Path, Bytes: file.Size, Format: file.Format, FileType: file.FileType.String(),
		Config: inspectedConfig{c.Arch, c.Name, c.Layers, c.Dim, c.FFNDim, c.Heads, c.KVHeads, c.HeadDim, c.Vocab,
			c.Context, c.RopeTheta, c.NormEps},
		Vocabulary:    inspectedVocab{tok.Size(), tok.BOS(), tok.EOS(), tok.UNK(), -1},
		TemplateBytes: len(file.ChatTemplate),
	}
	if pad, ok := tok.ID("<pad>"); ok {
		in.Vocabulary.PAD = pad
	}
	if file.Vocab != nil {
		in.Vocabulary.PAD = file.Vocab.PAD
	}
	if t, ok := prompt.Detect(file.ChatTemplate, tok); ok {
		in.ChatTemplate = t.String()
	}
	for _, m := range file.Metadata {
		in.Metadata = append(in.Metadata, inspectedEntry{m.Key, m.Type, m.Value})
	}
	byType := map[string]inspectedType{}
	for _, t := range file.Tensors {
		name, values, bytes := t.Type.String(), int64(t.Rows)*int64(t.Cols), t.Bytes()
		in.Parameters += values
		in.Tensors = append(in.Tensors, inspectedTensor{t.Name, name, t.Rows, t.Cols, bytes})
		sum := byType[name]
		byType[name] = inspectedType{name, sum.Tensors + 1, sum.Values + values, sum.Bytes + bytes}
	}
	in.Types = slices.SortedFunc(maps.Values(byType), func(a, b inspectedType) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Type, b.Type))
	})
	return in
}

func (in *inspection) print(w io.Writer) error {
	c, v := in.Config, in.Vocabulary
	format, template, values := in.Format, "none in the file", "all finite"
	if in.FileType != weights.FileType(-1).String() {
		format += ", " + in.FileType
	}
	if in.ChatTemplate != "" {
		template += "; " + in.ChatTemplate + " is used"
	}
	if in.TemplateBytes > 0 {
		template = fmt.Sprintf("Jinja, %d bytes", in.TemplateBytes)
		if in.ChatTemplate != "" {
			template += ", with the markers of " + in.ChatTemplate
		}
	}
	if !in.ChecksValues {
		values = "not checked (--quick)"
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "file\t%s\n", printable(in.Path))
	fmt.Fprintf(t, "size\t%s, %s\n", vk.SizeText(in.Bytes), format)
	fmt.Fprintf(t, "model\t%s, %s, %d parameters\n", printable(c.Name), c.Arch, in.Parameters)
	fmt.Fprintf(t, "layers\t%d\n", c.Layers)
	fmt.Fprintf(t, "width\tDim %d, FFNDim %d\n", c.Dim, c.FFNDim)
	fmt.Fprintf(t, "heads\t%d, KV heads %d, HeadDim %d\n", c.Heads, c.KVHeads, c.HeadDim)
	fmt.Fprintf(t, "context\t%d, rope theta %g, norm epsilon %g\n", c.Context, c.RopeTheta, c.NormEps)
	fmt.Fprintf(t, "vocabulary\t%d pieces, bos %d, eos %d, unk %d, pad %d\n", v.Size, v.BOS, v.EOS, v.UNK, v.PAD)
	fmt.Fprintf(t, "template\t%s\n", template)
	fmt.Fprintf(t, "values\t%s\n", values)
	fmt.Fprintf(t, "\ntype\ttensors\tbytes\tshare\tbits per value\n")
	var total int64
	for _, y := range in.Types {
		total += y.Bytes
	}
	for _, y := range in.Types {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.1f %%\t%.2f\n", y.Type, y.Tensors, y.Bytes,
			100*float64(y.Bytes)/float64(total), 8*float64(y.Bytes)/float64(y.Values))
	}
	fmt.Fprintf(t, "\nmetadata\ttype\tvalue\n")
	for _, m := range in.Metadata {
		value := m.Value
		if m.Type == "string" {
			value = fmt.Sprintf("%.60q", value)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", printable(m.Key), m.Type, value)
	}
	fmt.Fprintf(t, "\ntensor\ttype\trows\tcolumns\tbytes\n")
	for _, x := range in.Tensors {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\n", printable(x.Name), x.Type, x.Rows, x.Cols, x.Bytes)
	}
	return t.Flush()
}
