package openai

import (
	"cmp"
	"container/list"
	"fmt"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"sealvk/prompt/grammar"
	"sealvk/prompt/grammar/schema"
)

// SchemaGrammar is the grammar of the values of a JSON Schema that stands in a field. Errors are of
// type *FieldError.
func SchemaGrammar(field string, text []byte) (*grammar.Grammar, error) {
	gbnf, err := schema.GBNF(text)
	if err != nil {
		return nil, unfollowed(field, err)
	}
	return GrammarOf(field, gbnf)
}

// ObjectGrammar is the grammar of any JSON object.
func ObjectGrammar() (*grammar.Grammar, error) { return GrammarOf("response_format", schema.Object) }

// GrammarOf is a grammar in GBNF that stands in a field. Errors are of type *FieldError. Grammars of
// equal texts are one: each keeps what it knows of a vocabulary.
func GrammarOf(field, gbnf string) (*grammar.Grammar, error) {
	g, err := grammars.get(gbnf)
	if err != nil {
		return nil, unfollowed(field, err)
	}
	return g, nil
}

// unfollowed is the error of a field that makes no grammar.
func unfollowed(field string, err error) error {
	_, why, _ := strings.Cut(err.Error(), ": ") // behind the package's name
	return &FieldError{Field: field, Problem: "can't be followed: " + why}
}

// grammars are those of the last requests.
var grammars = recent{entries: map[string]*list.Element{}}

// recent keeps grammars by their text, of which those go first that were asked for longest ago. It
// may be used concurrently.
type recent struct {
	sync.Mutex
	entries map[string]*list.Element
	order   list.List // of *entry, the last one asked for in front
}

type entry struct {
	text string
	get  func() (*grammar.Grammar, error)
}

const maxGrammars = 32

func (r *recent) get(text string) (*grammar.Grammar, error) {
	r.Lock()
	at, ok := r.entries[text]
	if ok {
		r.order.MoveToFront(at)
	} else {
		at = r.order.PushFront(&entry{text, sync.OnceValues(func() (*grammar.Grammar, error) { return grammar.Parse(text) })})
		r.entries[text] = at
		if r.order.Len() > maxGrammars {
			delete(r.entries, r.order.Remove(r.order.Back()).(*entry).text)
		}
	}
	get := at.Value.(*entry).get
	r.Unlock()
	return get() // one request may take long, and others need not wait for it
}

// shape takes the grammar that a field asks for, of which a request has one.
func (r *reading) shape(v value, g *grammar.Grammar, err error) error {
	if err != nil {
		return err
	}
	if r.Grammar != nil {
		return v.problem("is there beside another field that says what an answer looks like; want one of them")
	}
	r.Grammar = g
	return nil
}

var formatReader = reader{`an object with "type": "text", "json_object" or "json_schema"`, func(r *reading, v value) (bool, error) {
	members, ok := v.members()
	if !ok {
		return false, nil
	}
	var kind string
	var within, plain *member
	for i, m := range members {
		switch m.name {
		case "type":
			kind, _ = m.text()
		case "json_schema":
			within = &members[i]
		case "schema":
			plain = &members[i]
		default:
			return false, m.problem("is unknown; want type and json_schema")
		}
	}
	switch {
	case kind == "text" && within == nil && plain == nil:
		return true, nil
	case kind == "json_object" && within == nil && plain == nil:
		g, err := ObjectGrammar()
		return true, r.shape(v, g, err)
	case (kind == "json_object" || kind == "json_schema") && within == nil && plain != nil: // llama-server's
		return true, r.schema(plain.value)
	case kind == "json_schema" && within != nil && plain == nil:
		return true, r.namedSchema(within.value)
	case kind == "json_schema" && within == nil:
		return false, v.problem("has no json_schema")
	}
	return false, nil
}}

// namedSchema reads OpenAI's json_schema. What strict says makes no difference: every answer is strict.
func (r *reading) namedSchema(v value) error {
	members, ok := v.members()
	if !ok {
		return v.want("an object with name and schema")
	}
	var body *member
	for i, m := range members {
		switch m.name {
		case "schema":
			body = &members[i]
		case "strict":
			if _, ok := m.boolean(); !ok {
				return m.want("true or false")
			}
		case "name", "description":
			if _, ok := m.text(); !ok {
				return m.want("a text")
			}
		default:
			return m.problem("is unknown; want name, schema, strict and description")
		}
	}
	if body == nil {
		return v.problem("has no schema")
	}
	return r.schema(body.value)
}

func (r *reading) schema(v value) error {
	g, err := SchemaGrammar(v.path, v.raw)
	return r.shape(v, g, err)
}

// schemaReader takes a schema as it is, or as vLLM does within a text.
var schemaReader = reader{"a JSON Schema", func(r *reading, v value) (bool, error) {
	switch v.kind() {
	case jsontext.KindBeginObject, jsontext.KindTrue, jsontext.KindFalse:
		return true, r.schema(v)
	case jsontext.KindString:
		text, ok := v.text()
		if !ok {
			return false, nil
		}
		g, err := SchemaGrammar(v.path, []byte(text))
		return true, r.shape(v, g, err)
	}
	return false, nil
}}

var grammarReader = reader{"a grammar in GBNF, a text", func(r *reading, v value) (bool, error) {
	text, ok := v.text()
	if !ok {
		return false, nil
	}
	g, err := GrammarOf(v.path, text)
	return true, r.shape(v, g, err)
}}

// maxAlternatives bounds the texts of a choice.
const maxAlternatives = 1000

var choiceReader = reader{fmt.Sprintf("a list of at most %d texts, none of them empty", maxAlternatives), func(r *reading, v value) (bool, error) {
	list, ok := v.elements()
	if !ok || len(list) == 0 || len(list) > maxAlternatives {
		return false, nil
	}
	var texts []string
	for _, e := range list {
		text, ok := e.text()
		if !ok || text == "" {
			return false, nil
		}
		texts = append(texts, text)
	}
	g, err := GrammarOf(v.path, schema.Choices(texts))
	return true, r.shape(v, g, err)
}}

var patternReader = reader{"a regular expression", func(r *reading, v value) (bool, error) {
	text, ok := v.text()
	if !ok {
		return false, nil
	}
	gbnf, err := schema.Pattern(text)
	if err != nil {
		return false, unfollowed(v.path, err)
	}
	g, err := GrammarOf(v.path, gbnf)
	return true, r.shape(v, g, err)
}}

var structuredReader = reader{"an object with json, regex, choice, grammar or json_object", func(r *reading, v value) (bool, error) {
	members, ok := v.members()
	if !ok || len(members) == 0 {
		return false, nil
	}
	for _, m := range members {
		var read reader
		switch m.name {
		case "json":
			read = schemaReader
		case "regex":
			read = patternReader
		case "choice":
			read = choiceReader
		case "grammar":
			read = grammarReader
		case "json_object":
			read = objectReader
		default:
			return false, m.problem("is not supported; want json, regex, choice, grammar or json_object")
		}
		ok, err := read.read(r, m.value)
		if err == nil && !ok {
			err = m.want(read.wants)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}}

var objectReader = reader{"true or false", func(r *reading, v value) (bool, error) {
	is, ok := v.boolean()
	if !ok || !is {
		return ok, nil
	}
	g, err := ObjectGrammar()
	return true, r.shape(v, g, err)
}}

// masked has a grammar, or the job's where it is nil, say what may come in an answer.
func (j *Job) masked(r *Request, shape *grammar.Grammar, ends []int32) (func(int32, []uint32) error, error) {
	if shape = cmp.Or(shape, j.Grammar); shape == nil {
		return nil, nil
	}
	if len(ends) == 0 {
		return nil, &FieldError{Problem: "the model's file and its template name no token that ends an answer, which one that follows a grammar needs: name one in " + r.path("stop_token_ids")}
	}
	next := shape.Matcher(j.Vocabulary(), ends).Next
	return func(last int32, allowed []uint32) error {
		if err := next(last, allowed); err != nil { // the grammar's fault, which shows only where an answer comes to it
			_, why, _ := strings.Cut(err.Error(), ": ") // behind the package's name
			return &FieldError{Problem: "the answer can't follow its grammar any further: " + why}
		}
		return nil
	}, nil
}
