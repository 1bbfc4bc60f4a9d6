package schema_test

import (
	"errors"
	"testing"

	"sealvk/prompt/grammar"
	"sealvk/prompt/grammar/schema"
	"sealvk/prompt/grammar/schema/samples"
)

// A schema is an error of its own kind or a grammar that can be read, whatever it is.
func FuzzGBNF(f *testing.F) {
	source := samples.New(1)
	for range 20 {
		f.Add([]byte(source.Next().Schema))
	}
	f.Add([]byte(`{"oneOf":[{"minimum":1.5},{"pattern":"^a{2,}(b|\\d)?$","maxLength":9}],"$defs":{"a":{"$ref":"#"}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		gbnf, err := schema.GBNF(text)
		var of *schema.Error
		switch {
		case err != nil && !errors.As(err, &of):
			t.Errorf("%T: %v", err, err)
		case err == nil:
			if _, err := grammar.Parse(gbnf); err != nil {
				t.Errorf("%v in\n%s", err, gbnf)
			}
		}
	})
}
