package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sealvk/engine"
	"sealvk/prompt"
	"sealvk/tokenize"
	"sealvk/vk"
	"sealvk/weights"
)

// openFile opens the GGUF file at path, or the embedded demo (and says so) if
// path is "".
func (p *program) openFile(path string) (*weights.Model, error) {
	if path != "" {
		return weights.Open(path)
	}
	p.note(nanoNotice)
	return weights.Parse(nanoName, nanoGGUF)
}

// newTokenizer makes a tokenizer of a GGUF file's vocabulary.
func newTokenizer(path string, v *weights.Vocab) (*tokenize.Tokenizer, error) {
	pieces := make([]tokenize.Piece, len(v.Pieces))
	for i, p := range v.Pieces {
		pieces[i] = tokenize.Piece{Text: p.Text, Score: p.Score, Kind: tokenize.Kind(p.Kind)}
	}
	tok, err := tokenize.New(tokenize.Vocab{Pieces: pieces, BOS: v.BOS, EOS: v.EOS, UNK: v.UNK})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tok, nil
}

// chooseTemplate takes the template by its name, or by what the file says.
func chooseTemplate(name string, file *weights.Model, tok *tokenize.Tokenizer) (prompt.Template, error) {
	if name != "" {
		return prompt.ByName(name)
	}
	t, err := prompt.Detect(file.ChatTemplate, tok)
	if err != nil {
		return t, fmt.Errorf("%s: %w; choose one with --template, or use --raw", file.Path, err)
	}
	return t, nil
}

// openInstance loads Vulkan, with the validation layers if asked for.
func (p *program) openInstance(validate bool) (*vk.Instance, error) {
	config := vk.Config{Validation: validate}
	if validate {
		config.OnMessage = func(m vk.Message) {
			p.validationMessages.Add(1)
			p.note("vulkan %v: %s: %s", m.Severity, m.ID, m.Text)
		}
	}
	return vk.Open(config)
}

// checkedFirst is the size in bytes up to which a file's values are checked
// before the device is opened, which takes milliseconds: a damaged file then
// ends at once. Larger files are checked while they are uploaded.
const checkedFirst = 64 << 20

// opened is a model on its device.
type opened struct {
	name      string
	tokenizer *tokenize.Tokenizer
	template  prompt.Template
	kv        engine.KVType
	model     *engine.Model
	session   *engine.Session
	load      time.Duration // from the file to the ready session

	instance *vk.Instance
	device   *vk.Device
}

// open brings a model to its device. raw leaves the chat template out, which
// a file may then lack. Everything on disk is looked at before a device is.
func (p *program) open(ctx context.Context, f *modelFlags, template string, raw bool) (_ *opened, err error) {
	start := time.Now()
	file, err := p.openFile(f.path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	o := &opened{name: file.Path, kv: engine.KVF16}
	defer func() {
		if err != nil {
			err = errors.Join(stopCause(ctx, err), o.close())
		}
	}()
	if f.kv.value == "f32" {
		o.kv = engine.KVF32
	}
	if file.Size <= checkedFirst {
		if err = file.CheckFinite(); err != nil {
			return nil, err
		}
	}
	if o.tokenizer, err = newTokenizer(file.Path, file.Vocab); err != nil {
		return nil, err
	}
	if !raw {
		if o.template, err = chooseTemplate(template, file, o.tokenizer); err != nil {
			return nil, err
		}
	}
	if err = p.openDevice(o, f); err != nil {
		return nil, err
	}
	if err = p.load(ctx, o, file, f); err != nil {
		return nil, err
	}
	if n := file.Config.Context; o.model.Context() > n {
		p.note("the model was trained for %d positions; past them a context of %d gives poor answers", n, o.model.Context())
	}
	if o.session, err = o.model.NewSession(); err != nil {
		return nil, err
	}
	o.load = time.Since(start)
	return o, nil
}

// load uploads the file.
func (p *program) load(ctx context.Context, o *opened, file *weights.Model, f *modelFlags) (err error) {
	step, end := p.progress("loading")
	start := time.Now()
	o.model, err = engine.Load(ctx, o.device, file, engine.Options{Context: f.context.positions(), KV: o.kv}, step)
	end()
	if err != nil || !f.verbose {
		return err
	}
	seconds := time.Since(start).Seconds()
	weights, kv, activations := o.model.Memory()
	p.note("%s in %.2f s, %.2f GB/s; on the device: weights %s, KV cache for %d positions %s, activations %s",
		bytesText(file.Size), seconds, float64(file.Size)/seconds/1e9, bytesText(weights), o.model.Context(), bytesText(kv), bytesText(activations))
	return nil
}

func (p *program) openDevice(o *opened, f *modelFlags) (err error) {
	if o.instance, err = p.openInstance(f.validate); err != nil {
		return err
	}
	chosen, reason, err := o.instance.Select(f.device)
	if err != nil {
		return err
	}
	if f.verbose {
		p.note("%s", reason)
	}
	o.device, err = o.instance.OpenDevice(chosen, pipelineCache())
	return err
}

// pipelineCache is the folder for compiled pipelines, "" if the system names
// no folder for caches.
func pipelineCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "sealvk")
}

// close gives everything back that open took, as far as it came.
func (o *opened) close() error {
	var errs []error
	if o.session != nil {
		o.session.Close()
	}
	if o.model != nil {
		errs = append(errs, o.model.Close())
	}
	if o.device != nil {
		errs = append(errs, o.device.Close())
	}
	if o.instance != nil {
		o.instance.Close()
	}
	return errors.Join(errs...)
}
