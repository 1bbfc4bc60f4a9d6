package grammar

import "sealvk/tokenize"

// Vocabulary is the text of a tokenizer's tokens, ordered for grammars. It is
// safe for concurrent use.
type Vocabulary struct{ tok *tokenize.Tokenizer }

// NewVocabulary orders the tokens of tok; it is made once for a model.
func NewVocabulary(tok *tokenize.Tokenizer) *Vocabulary { return &Vocabulary{tok} }
