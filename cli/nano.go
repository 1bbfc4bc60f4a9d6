package main

import _ "embed"

// nanoGGUF is seallm-nano, trained from scratch for this project: the model
// that answers where no -m is given.
//
//go:embed nano/seallm-nano-Q4_K_M.gguf
var nanoGGUF []byte

const (
	nanoName   = "seallm-nano"
	nanoNotice = "no -m: using the embedded seallm-nano, a tiny demo model of 5M parameters; " +
		"give a real one with -m MODEL (SeaLLM's weights come under the SeaLLMs terms of use)"
)
