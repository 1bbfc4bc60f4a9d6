package jinja

import (
	"fmt"
	"slices"
)

// parser makes nodes of tokens by recursive descent.
type parser struct {
	tokens []token
	at     int
	nested int // blocks and brackets that are open
	loops  int // loops that break and continue may mean
}

// Template is a compiled template. It may be used concurrently.
type Template struct{ body []node }

// Compile parses a template of at most 1 MiB. An error begins with "line N: ".
func Compile(source string) (*Template, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("line 1: the template has %d bytes, %d are allowed", len(source), maxSource)
	}
	tokens, err := lex(source)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	body, err := p.block()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != kindEnd {
		return nil, p.fail("unexpected tag %s", t.text)
	}
	return &Template{body}, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != kindEnd {
		p.at++
	}
	return t
}

func (p *parser) fail(format string, args ...any) error {
	return &syntaxError{p.peek().line, fmt.Sprintf(format, args...)}
}

// is tells whether the next token is this operator or name.
func (p *parser) is(k kind, text string) bool {
	t := p.peek()
	return t.kind == k && t.text == text
}

// skip takes the next token if it is this one.
func (p *parser) skip(k kind, text string) bool {
	if !p.is(k, text) {
		return false
	}
	p.at++
	return true
}

func (p *parser) expect(k kind, text string) error {
	if !p.skip(k, text) {
		return p.fail("want %s, got %s", text, p.peek().describe())
	}
	return nil
}

func (t token) describe() string {
	if t.kind == kindEnd {
		return "the end of the template"
	}
	return fmt.Sprintf("%.40q", t.text)
}

func (p *parser) name() (string, error) {
	if t := p.peek(); t.kind != kindName {
		return "", p.fail("want a name, got %s", t.describe())
	}
	return p.next().text, nil
}

// deeper bounds the recursion of the parser.
func (p *parser) deeper() error {
	if p.nested++; p.nested > maxNested {
		return p.fail("blocks and brackets are nested more than %d deep", maxNested)
	}
	return nil
}

// block reads nodes up to the end or up to a tag with one of these names,
// whose name is the next token then.
func (p *parser) block(ends ...string) ([]node, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.nested-- }()
	var nodes []node
	for {
		t := p.peek()
		switch {
		case t.kind == kindEnd:
			if len(ends) > 0 {
				return nil, p.fail("want the tag %s, got the end of the template", ends[len(ends)-1])
			}
			return nodes, nil
		case t.kind == kindText:
			nodes = append(nodes, textNode{own(p.next().text)})
		case t.text == "{{":
			n, err := p.output()
			if err != nil {
				return nil, err
			}
			nodes = append(nodes, n)
		default:
			p.next()
			if name := p.peek(); name.kind == kindName && slices.Contains(ends, name.text) {
				return nodes, nil
			}
			n, err := p.statement()
			if err != nil {
				return nil, err
			}
			nodes = append(nodes, n)
		}
	}
}

func (p *parser) output() (node, error) {
	line := p.next().line
	e, err := p.tuple(true)
	if err != nil {
		return nil, err
	}
	return outputNode{line, e}, p.expect(kindClose, "}}")
}

// close reads the end of a tag.
func (p *parser) close() error { return p.expect(kindClose, "%}") }

// finish reads the tag name of an end and its end.
func (p *parser) finish(name string) error {
	if err := p.expect(kindName, name); err != nil {
		return err
	}
	return p.close()
}

// body reads the end of a tag, and nodes up to and with the tag of this name.
func (p *parser) body(end string) ([]node, error) {
	if err := p.close(); err != nil {
		return nil, err
	}
	nodes, err := p.block(end)
	if err != nil {
		return nil, err
	}
	return nodes, p.finish(end)
}

// statement reads what follows {%.
func (p *parser) statement() (node, error) {
	t := p.peek()
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	switch name {
	case "if":
		return p.ifStatement(t.line)
	case "for":
		return p.forStatement(t.line)
	case "set":
		return p.setStatement(t.line)
	case "macro":
		return p.macroStatement(t.line)
	case "call":
		return p.callStatement(t.line)
	case "filter":
		return p.filterStatement(t.line)
	case "with":
		return p.withStatement(t.line)
	case "generation":
		body, err := p.body("endgeneration")
		return scopeNode{body}, err
	case "break", "continue":
		if p.loops == 0 {
			return nil, p.fail("%s outside of a loop", name)
		}
		if name == "break" {
			return jumpNode{errBreak}, p.close()
		}
		return jumpNode{errContinue}, p.close()
	case "include", "import", "from", "extends":
		return nil, &syntaxError{t.line, name + " is not allowed: a chat template stands alone"}
	}
	return nil, &syntaxError{t.line, fmt.Sprintf("unknown tag %.40q", name)}
}

func (p *parser) ifStatement(line int) (node, error) {
	n := ifNode{line: line}
	var err error
	if n.test, err = p.tuple(false); err != nil {
		return nil, err
	}
	if err = p.close(); err != nil {
		return nil, err
	}
	if n.body, err = p.block("elif", "else", "endif"); err != nil {
		return nil, err
	}
	switch end := p.next(); end.text {
	case "elif":
		if err := p.deeper(); err != nil {
			return nil, err
		}
		defer func() { p.nested-- }()
		next, err := p.ifStatement(end.line)
		n.elseBody = []node{next}
		return n, err
	case "else":
		n.elseBody, err = p.body("endif")
		return n, err
	}
	return n, p.close()
}

func (p *parser) forStatement(line int) (node, error) {
	n := forNode{line: line}
	var err error
	if n.targets, err = p.names(); err != nil {
		return nil, err
	}
	if err = p.expect(kindName, "in"); err != nil {
		return nil, err
	}
	if n.over, err = p.tuple(false); err != nil {
		return nil, err
	}
	if p.skip(kindName, "if") {
		if n.filter, err = p.expression(); err != nil {
			return nil, err
		}
	}
	if p.is(kindName, "recursive") {
		return nil, p.fail("recursive loops are not supported")
	}
	if err = p.close(); err != nil {
		return nil, err
	}
	p.loops++
	n.body, err = p.block("else", "endfor")
	p.loops--
	if err != nil {
		return nil, err
	}
	if p.next().text == "else" {
		n.elseBody, err = p.body("endfor")
		return n, err
	}
	return n, p.close()
}

// names reads one or more names between commas, in brackets or without.
func (p *parser) names() (names []string, err error) {
	bracket := p.skip(kindOp, "(")
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		if !p.skip(kindOp, ",") {
			break
		}
	}
	if bracket {
		err = p.expect(kindOp, ")")
	}
	return names, err
}

func (p *parser) setStatement(line int) (node, error) {
	var targets []target
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		t := target{name: name}
		if p.skip(kindOp, ".") {
			if t.attribute, err = p.name(); err != nil {
				return nil, err
			}
		}
		targets = append(targets, t)
		if !p.skip(kindOp, ",") {
			break
		}
	}
	if p.skip(kindOp, "=") {
		e, err := p.tuple(true)
		if err != nil {
			return nil, err
		}
		return setNode{line, targets, e}, p.close()
	}
	if len(targets) > 1 {
		return nil, p.fail("want =, got %s", p.peek().describe())
	}
	n := setBlockNode{line: line, target: targets[0]}
	var err error
	if p.skip(kindOp, "|") {
		if n.filters, err = p.filters(); err != nil {
			return nil, err
		}
	}
	n.body, err = p.body("endset")
	return n, err
}

func (p *parser) filterStatement(line int) (node, error) {
	filters, err := p.filters()
	if err != nil {
		return nil, err
	}
	body, err := p.body("endfilter")
	return filterNode{line, filters, body}, err
}

func (p *parser) withStatement(line int) (node, error) {
	n := withNode{line: line}
	for !p.is(kindClose, "%}") {
		if len(n.targets) > 0 {
			if err := p.expect(kindOp, ","); err != nil {
				return nil, err
			}
		}
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		if err := p.expect(kindOp, "="); err != nil {
			return nil, err
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		n.targets, n.values = append(n.targets, name), append(n.values, e)
	}
	var err error
	n.body, err = p.body("endwith")
	return n, err
}
