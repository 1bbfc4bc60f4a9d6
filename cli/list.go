package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"sealvk/vk"
	"sealvk/weights"
	"sealvk/weights/hub"
)

func (p *program) listCommand() *cli.Command {
	var asJSON bool
	return &cli.Command{
		Name:  "list",
		Usage: "list the models of the Hugging Face cache",
		Description: "Shown is what is there completely. The name in the first column is what -m takes;\n" +
			"a dash in front of it marks models that this program cannot run.",
		Flags: []cli.Flag{
			toggleFlag(&asJSON, "", "json", "print one JSON array, with the reasons"),
		},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return p.list(asJSON)
		},
	}
}

// listedModel is one element of list --json.
type listedModel struct {
	Name     string   `json:"name"` // for -m
	Repo     string   `json:"repo"`
	Revision string   `json:"revision"` // the whole commit
	Format   string   `json:"format"`   // GGUF, safetensors or MLX
	Quant    string   `json:"quant,omitempty"`
	Files    []string `json:"files"`
	Bytes    int64    `json:"bytes"`
	Path     string   `json:"path"`
	Runs     bool     `json:"runs"`
	Problem  string   `json:"problem,omitempty"` // why it does not run
}

func (p *program) list(asJSON bool) error {
	config, err := hubConfig()
	if err != nil {
		return err
	}
	h, err := hub.New(config)
	if err != nil {
		return err
	}
	entries, err := h.List()
	if err != nil {
		return err
	}
	list := []listedModel{}
	for _, e := range entries {
		list = append(list, listed(e))
	}
	w := bufio.NewWriter(p.stdout)
	switch {
	case asJSON:
		err = encodeJSON(w, "  ", list)
	case len(list) == 0:
		p.note("no models in %s; sealvk pull org/repo[:quant] brings one", config.Cache)
	default:
		err = printList(w, list)
	}
	return errors.Join(err, w.Flush())
}

// listed opens a model, which reports whether it can run; its values are not read.
func listed(e hub.Entry) listedModel {
	l := listedModel{Repo: e.Ref.Repo, Revision: e.Commit, Format: e.Format, Quant: e.Quant, Files: e.Files, Bytes: e.Size, Path: e.Path}
	if e.Ref.Revision == e.Commit {
		e.Ref.Revision = e.Commit[:shortCommit]
	}
	l.Name = e.Ref.String()
	model, err := weights.Open(e.Path)
	if err == nil {
		l.Quant = model.FileType.String()
		if model.Format == "MLX" { // whose types have no name for the whole
			l.Format, l.Quant = model.Format, model.Tensor("blk.0.ffn_up.weight").Type.String()
		}
		err = model.Close()
	}
	if l.Runs = err == nil; !l.Runs {
		l.Problem = oneLine(err)
	}
	return l
}

// shortCommit is how many digits of a commit are shown, and are enough to name it.
const shortCommit = 8

func printList(w io.Writer, list []listedModel) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "  name\trevision\tformat\ttype\tsize\tpath\n")
	for _, l := range list {
		mark := " "
		if !l.Runs {
			mark = "-"
		}
		quant := l.Quant
		if quant == "" {
			quant = "?"
		}
		fmt.Fprintf(t, "%s %s\t%s\t%s\t%s\t%s\t%s\n", mark, printable(l.Name), l.Revision[:shortCommit], l.Format, quant, vk.SizeText(l.Bytes), printable(l.Path))
	}
	return t.Flush()
}
