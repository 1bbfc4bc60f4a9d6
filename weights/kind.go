package weights

import "fmt"

// otherFiles says what GGUF files are, by general.type or general.architecture, that hold no
// model but go with one.
var otherFiles = map[string]string{
	"adapter":       "an adapter (LoRA), which changes a model that is in another file; adapters are not applied: merge it into that (llama-export-lora), or open the model alone",
	"controlvector": "a control vector, which goes with a model that is in another file; open that",
	"imatrix":       "an importance matrix, which llama-quantize reads; open the model that it was made for",
	"mmproj":        "a projector for images or sound, which goes with a model that is in another file; open that",
	"clip":          "a projector for images or sound, which goes with a model that is in another file; open that",
}

// otherKind is what the file is by its own words if that is no model, "" for a model.
func (m *metadata) otherKind() string {
	for _, key := range []string{"general.type", "general.architecture"} {
		v := m.values[key]
		if what, ok := otherFiles[string(v.data)]; ok && v.typ == typeString && !v.array {
			return what
		}
	}
	return ""
}

// checkKind refuses what is no model.
func (m *metadata) checkKind() error {
	if what := m.otherKind(); what != "" {
		return fmt.Errorf("is no model but %s", what)
	}
	return nil
}
