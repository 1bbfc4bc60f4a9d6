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
func Compile(source string) (t *Template, err error) {
	defer rescue(&err)
	if len(source) > maxSource {
		return nil, &failure{1, fmt.Sprintf("the template has %d bytes, %d are allowed", len(source), maxSource)}
	}
	p := &parser{tokens: lex(source)}
	return &Template{p.block()}, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != kindEnd {
		p.at++
	}
	return t
}

func (p *parser) errorf(format string, args ...any) *failure {
	return &failure{p.peek().line, fmt.Sprintf(format, args...)}
}

// is reports whether the next token is this operator or name.
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

func (p *parser) expect(k kind, text string) {
	if !p.skip(k, text) {
		panic(p.errorf("want %s, got %s", text, p.peek().describe()))
	}
}

func (t token) describe() string {
	if t.kind == kindEnd {
		return "the end of the template"
	}
	return fmt.Sprintf("%.40q", t.text)
}

func (p *parser) name() string {
	if t := p.peek(); t.kind != kindName {
		panic(p.errorf("want a name, got %s", t.describe()))
	}
	return p.next().text
}

// deeper bounds the recursion of the parser; p.nested-- goes back up.
func (p *parser) deeper() {
	if p.nested++; p.nested > maxNested {
		panic(p.errorf("blocks and brackets are nested more than %d deep", maxNested))
	}
}

// block reads nodes up to the end or up to a tag with one of these names,
// whose name is the next token then.
func (p *parser) block(ends ...string) (nodes []node) {
	p.deeper()
	for {
		t := p.next()
		switch {
		case t.kind == kindEnd && len(ends) > 0:
			panic(p.errorf("want the tag %s, got the end of the template", ends[len(ends)-1]))
		case t.kind == kindEnd:
			p.nested--
			return nodes
		case t.kind == kindText:
			nodes = append(nodes, node{t.line, textNode{own(t.text)}})
		case t.text == "{{":
			nodes = append(nodes, node{t.line, outputNode{p.tuple(true)}})
			p.expect(kindClose, "}}")
		case p.peek().kind == kindName && slices.Contains(ends, p.peek().text):
			p.nested--
			return nodes
		default:
			line := p.peek().line
			nodes = append(nodes, node{line, p.statement()})
		}
	}
}

// close reads the end of a tag.
func (p *parser) close() { p.expect(kindClose, "%}") }

// body reads the end of a tag, and nodes up to and with the tag of this name.
func (p *parser) body(end string) []node {
	p.close()
	nodes := p.block(end)
	p.expect(kindName, end)
	p.close()
	return nodes
}

// captured is body where break and continue mean no loop around it.
func (p *parser) captured(end string) []node {
	loops := p.loops
	p.loops = 0
	nodes := p.body(end)
	p.loops = loops
	return nodes
}

// statement reads what follows {%.
func (p *parser) statement() statement {
	line := p.peek().line
	switch name := p.name(); name {
	case "if":
		return p.ifStatement()
	case "for":
		return p.forStatement()
	case "set":
		return p.setStatement()
	case "filter":
		b := &bodyExpr{}
		e := p.filter(b)
		for p.skip(kindOp, "|") {
			e = p.filter(e)
		}
		b.nodes = p.captured("endfilter")
		return outputNode{e}
	case "macro":
		return p.macroStatement()
	case "generation":
		return scopeNode{p.body("endgeneration")}
	case "break", "continue":
		if p.loops == 0 {
			panic(p.errorf("%s outside of a loop", name))
		}
		p.close()
		if name == "break" {
			return jumpNode{breaks}
		}
		return jumpNode{continues}
	case "include", "import", "from", "extends":
		panic(&failure{line, name + " is not allowed: a chat template stands alone"})
	default:
		panic(&failure{line, fmt.Sprintf("the tag %.40q is not supported here", name)})
	}
}

func (p *parser) ifStatement() (n ifNode) {
	n.test = p.tuple(false)
	p.close()
	n.body = p.block("elif", "else", "endif")
	switch end := p.next(); end.text {
	case "elif":
		p.deeper()
		n.elseBody = []node{{end.line, p.ifStatement()}}
		p.nested--
	case "else":
		n.elseBody = p.body("endif")
	default:
		p.close()
	}
	return n
}

func (p *parser) forStatement() (n forNode) {
	n.targets = p.names()
	p.expect(kindName, "in")
	n.over = p.tuple(false)
	if p.skip(kindName, "if") {
		n.filter = p.expression()
	}
	if p.is(kindName, "recursive") {
		panic(p.errorf("recursive loops are not supported"))
	}
	p.close()
	p.loops++
	n.body = p.block("else", "endfor")
	p.loops--
	if p.next().text == "else" {
		n.elseBody = p.body("endfor")
	} else {
		p.close()
	}
	return n
}

// names reads one or more names between commas, in brackets or without.
func (p *parser) names() []string {
	bracket := p.skip(kindOp, "(")
	names := []string{p.name()}
	for p.skip(kindOp, ",") {
		names = append(names, p.name())
	}
	if bracket {
		p.expect(kindOp, ")")
	}
	return names
}

func (p *parser) setStatement() (n setNode) {
	for first := true; first || p.skip(kindOp, ","); first = false {
		t := target{name: p.name()}
		if p.skip(kindOp, ".") {
			t.attribute = p.name()
		}
		n.targets = append(n.targets, t)
	}
	if len(n.targets) > 1 || p.is(kindOp, "=") {
		p.expect(kindOp, "=")
		n.expr = p.tuple(true)
		p.close()
		return n
	}
	b := &bodyExpr{}
	n.expr = b
	for p.skip(kindOp, "|") {
		n.expr = p.filter(n.expr)
	}
	b.nodes = p.captured("endset")
	return n
}

func (p *parser) macroStatement() (m macroNode) {
	m.name = p.name()
	p.expect(kindOp, "(")
	p.commas(")", func() {
		m.parameters = append(m.parameters, p.name())
		if p.skip(kindOp, "=") {
			m.defaults = append(m.defaults, p.expression())
		} else if len(m.defaults) > 0 {
			panic(p.errorf("a parameter without default follows one with a default"))
		}
	})
	if len(m.parameters) > maxArguments {
		panic(p.errorf("more than %d parameters", maxArguments))
	}
	m.body = p.captured("endmacro")
	return m
}
