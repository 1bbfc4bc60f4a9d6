package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sealvk/prompt"
	"sealvk/weights"
	"sealvk/weights/ollama"
)

// ollamaPrefix is in front of the names that Ollama has for its models.
const ollamaPrefix = "ollama:"

// ollamaFolders are where Ollama keeps models: where OLLAMA_MODELS says, else in the folder of the user, or
// in that of the service, by Ollama's installer and by distributions.
func ollamaFolders() []string {
	if dir := expanded(os.Getenv("OLLAMA_MODELS")); dir != "" {
		return []string{dir}
	}
	var folders []string
	if home, err := os.UserHomeDir(); err == nil {
		folders = append(folders, filepath.Join(home, ".ollama", "models"))
	}
	return append(folders, "/usr/share/ollama/.ollama/models", "/var/lib/ollama/.ollama/models", "/var/lib/ollama/models", "/var/lib/ollama")
}

// openOllama opens a model of Ollama's by its name. What Ollama would add to the file is among the warnings.
func openOllama(name string) (*weights.Model, error) {
	m, err := ollama.Find(ollamaFolders(), name)
	if err != nil {
		return nil, err
	}
	file, err := weights.Open(m.Path)
	if err != nil {
		return nil, err
	}
	if slices.Contains(m.Layers, "adapter") {
		file.Warnings = append(file.Warnings, "Ollama applies an adapter (LoRA) to it, which is not applied here: answers are the model's own")
	}
	if has := added(&m); has != "" {
		file.Warnings = append(file.Warnings, fmt.Sprintf("not applied: Ollama's %s; %s", has, settleTemplate(file, m.Template)))
	}
	return file, nil
}

// added lists what Ollama adds to the requests of a model, parameters with their values; "" for nothing.
func added(m *ollama.Model) string {
	var list []string
	for _, l := range []struct{ layer, name string }{{"template", "template"}, {"system", "system prompt"}, {"messages", "messages"}, {"params", "parameters"}} {
		if slices.Contains(m.Layers, l.layer) {
			list = append(list, l.name)
		}
	}
	var parameters bytes.Buffer
	if json.Compact(&parameters, []byte(m.Parameters)) == nil {
		list[len(list)-1] += " " + parameters.String()
	}
	return strings.Join(list, ", ")
}

// settleTemplate gives a file without a chat template the format whose markers Ollama's has, which is of another
// language. It says what conversations are written by where no --template is given.
func settleTemplate(file *weights.Model, theirs string) string {
	if strings.TrimSpace(file.ChatTemplate) != "" {
		return "chats are written by the file's own chat template"
	}
	if strings.TrimSpace(theirs) != "" {
		if t, ok := prompt.Detect(theirs, nil); ok {
			file.ChatTemplate = t.Source()
			return fmt.Sprintf("the file has no chat template: chats are written in the format %s, whose markers Ollama's has", t)
		}
	}
	return "the file has no chat template of its own: choose one with --template"
}
