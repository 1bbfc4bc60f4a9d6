package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"sealvk/weights"
	"sealvk/weights/hub"
)

func (p *program) pullCommand() *cli.Command {
	return &cli.Command{
		Name:      "pull",
		Usage:     "download a model into the Hugging Face cache and print its path",
		ArgsUsage: "ORG/REPO[@REVISION][:FILE_OR_QUANT]",
		Description: "Without :FILE_OR_QUANT it takes the safetensors model of the repository, or its only\n" +
			"GGUF file, or Q4_K_M. What is there already is not downloaded again; a download that\n" +
			"was stopped goes on. Every file is checked against the SHA-256 (or git hash) that the\n" +
			"server names. The variables HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and\n" +
			"HF_HUB_OFFLINE mean what they mean to huggingface_hub.",
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return errors.New("pull takes one model, such as SeaLLMs/SeaLLM-7B-v2.5-GGUF:Q4_K_M")
			}
			return p.pull(c.Args().First())
		},
	}
}

// seaLLMTerms is what SeaLLM's authors want everybody to read first.
const seaLLMTerms = "SeaLLM's weights come under the SeaLLMs terms of use: read " +
	"https://huggingface.co/SeaLLMs/SeaLLM-13B-Chat/blob/main/LICENSE"

func (p *program) pull(name string) error {
	ref, err := hub.ParseRef(name)
	if err != nil {
		return err
	}
	config, err := hubConfig()
	if err != nil {
		return err
	}
	step, end := p.progress("downloading")
	defer end()
	config.Notice = func(text string) {
		end() // the bar comes back with the next byte
		p.note("%s", text)
	}
	h, err := hub.New(config)
	if err != nil {
		return err
	}
	if strings.HasPrefix(strings.ToLower(ref.Repo), "seallms/") {
		p.note(seaLLMTerms)
	}
	ctx, release := stoppable()
	defer release()
	path, err := h.Pull(ctx, ref, step)
	if err != nil {
		return stopCause(ctx, err)
	}
	end()
	fmt.Fprintln(p.stdout, path)
	p.noteUnusable(path)
	return nil
}

// noteUnusable prints why a model that came cannot be run; a single file that is no model,
// such as a tokenizer, is what was asked for.
func (p *program) noteUnusable(path string) {
	if ext := filepath.Ext(path); ext == ".json" || ext == ".model" {
		return
	}
	model, err := weights.Open(path)
	if err == nil {
		err = model.Close()
	}
	if err != nil {
		p.note("this program cannot run it: %s", oneLine(err))
	}
}
