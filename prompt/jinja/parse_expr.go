package jinja

import (
	"slices"
	"strconv"
	"strings"
)

// expression reads an expression, a conditional one included.
func (p *parser) expression() expr {
	p.deeper()
	e := p.or()
	for p.skip(kindName, "if") {
		c := &condExpr{then: e, test: p.or()}
		if p.skip(kindName, "else") {
			c.otherwise = p.expression()
		}
		e = c
	}
	p.nested--
	return e
}

// tuple reads one expression, or several between commas as a tuple. Without
// conditional an "if" ends it, as in the head of a loop.
func (p *parser) tuple(conditional bool) expr {
	read := p.or
	if conditional {
		read = p.expression
	}
	first := read()
	if !p.is(kindOp, ",") {
		return first
	}
	items := []expr{first}
	for p.skip(kindOp, ",") && p.peek().kind != kindClose && !p.is(kindOp, ")") {
		items = append(items, read())
	}
	return &listExpr{items, true}
}

// chain reads operands between operators that bind to the left.
func (p *parser) chain(k kind, operand func() expr, ops ...string) expr {
	e := operand()
	for p.peek().kind == k && slices.Contains(ops, p.peek().text) {
		e = &binaryExpr{p.next().text, e, operand()}
	}
	return e
}

func (p *parser) or() expr      { return p.chain(kindName, p.and, "or") }
func (p *parser) and() expr     { return p.chain(kindName, p.not, "and") }
func (p *parser) sum() expr     { return p.chain(kindOp, p.concat, "+", "-") }
func (p *parser) product() expr { return p.chain(kindOp, p.filtered, "*", "/", "//", "%") }

func (p *parser) not() expr {
	if !p.skip(kindName, "not") {
		return p.compare()
	}
	p.deeper()
	e := &notExpr{p.not()}
	p.nested--
	return e
}

func (p *parser) compare() expr {
	c := &compareExpr{first: p.sum()}
	for op := p.comparison(); op != ""; op = p.comparison() {
		c.ops, c.rest = append(c.ops, op), append(c.rest, p.sum())
	}
	if len(c.ops) == 0 {
		return c.first
	}
	return c
}

// comparison takes the next operator if it compares.
func (p *parser) comparison() string {
	t := p.peek()
	switch {
	case t.kind == kindOp && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, t.text), p.is(kindName, "in"):
		return p.next().text
	case p.is(kindName, "not") && p.tokens[p.at+1].kind == kindName && p.tokens[p.at+1].text == "in":
		p.at += 2
		return "not in"
	}
	return ""
}

func (p *parser) concat() expr {
	parts := []expr{p.product()}
	for p.skip(kindOp, "~") {
		parts = append(parts, p.product())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &concatExpr{parts}
}

// filtered reads an operand with the filters and tests behind it.
func (p *parser) filtered() expr {
	e := p.unary()
	for {
		switch {
		case p.skip(kindOp, "|"):
			e = p.filter(e)
		case p.skip(kindName, "is"):
			e = p.test(e)
		default:
			return e
		}
	}
}

func (p *parser) filter(of expr) expr {
	f := &applyExpr{of: of, table: filters, name: p.name()}
	if p.is(kindOp, "(") {
		f.args = p.arguments()
	}
	return f
}

func (p *parser) test(of expr) expr {
	negated := p.skip(kindName, "not")
	t := &applyExpr{of: of, table: tests, name: p.name()}
	switch next := p.peek(); {
	case p.is(kindOp, "("):
		t.args = p.arguments()
	case next.kind == kindName && !slices.Contains([]string{"else", "or", "and", "is", "if", "in", "not"}, next.text),
		next.kind == kindString, next.kind == kindNumber, p.is(kindOp, "["), p.is(kindOp, "{"):
		t.args.positional = []expr{p.postfix(p.primary())}
	}
	if negated {
		return &notExpr{t}
	}
	return t
}

func (p *parser) unary() expr {
	if !p.skip(kindOp, "-") {
		return p.postfix(p.primary())
	}
	p.deeper()
	e := &signExpr{p.unary()}
	p.nested--
	return e
}

func (p *parser) primary() expr {
	t := p.next()
	switch {
	case t.kind == kindName:
		return nameOrConstant(t.text)
	case t.kind == kindString:
		text := []string{t.text} // neighbours are one
		for p.peek().kind == kindString {
			text = append(text, p.next().text)
		}
		return &constExpr{own(strings.Join(text, ""))}
	case t.kind == kindNumber:
		return &constExpr{t.number()}
	case t.kind == kindOp && t.text == "(":
		return p.brackets()
	case t.kind == kindOp && t.text == "[":
		l := &listExpr{}
		p.commas("]", func() { l.items = append(l.items, p.expression()) })
		return l
	case t.kind == kindOp && t.text == "{":
		d := &dictExpr{}
		p.commas("}", func() {
			d.keys = append(d.keys, p.expression())
			p.expect(kindOp, ":")
			d.values = append(d.values, p.expression())
		})
		return d
	}
	f := p.errorf("want an expression, got %s", t.describe())
	f.line = t.line
	panic(f)
}

func nameOrConstant(name string) expr {
	switch name {
	case "true", "True":
		return &constExpr{true}
	case "false", "False":
		return &constExpr{false}
	case "none", "None":
		return &constExpr{nil}
	}
	return &nameExpr{name}
}

// number is the value of a number token.
func (t token) number() value {
	if i, err := strconv.ParseInt(t.text, 10, 64); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(t.text, 64)
	if err != nil || !strings.ContainsAny(t.text, ".eE") {
		panic(&failure{t.line, "the number " + t.text[:min(len(t.text), 40)] + " is out of range"})
	}
	return f
}

func (p *parser) brackets() expr {
	if p.skip(kindOp, ")") {
		return &listExpr{nil, true}
	}
	e := p.tuple(true)
	p.expect(kindOp, ")")
	return e
}

// commas reads items between commas up to the closing bracket.
func (p *parser) commas(end string, item func()) {
	for !p.skip(kindOp, end) {
		item()
		if !p.is(kindOp, end) {
			p.expect(kindOp, ",")
		}
	}
}

// postfix reads attributes, items and calls.
func (p *parser) postfix(e expr) expr {
	for {
		switch {
		case p.skip(kindOp, "."):
			if p.peek().kind == kindNumber { // x.0 is x[0]
				e = &itemExpr{e, p.primary()}
			} else {
				e = &attrExpr{e, p.name()}
			}
		case p.skip(kindOp, "["):
			e = p.subscript(e)
		case p.is(kindOp, "("):
			e = &callExpr{e, p.arguments()}
		default:
			return e
		}
	}
}

func (p *parser) subscript(of expr) expr {
	var bounds [3]expr
	n := 0
	for {
		if !p.is(kindOp, ":") && !p.is(kindOp, "]") {
			bounds[n] = p.expression()
		}
		if n == 2 || !p.skip(kindOp, ":") {
			break
		}
		n++
	}
	p.expect(kindOp, "]")
	switch {
	case n > 0:
		return &sliceExpr{of, bounds}
	case bounds[0] == nil:
		panic(p.errorf("want an index"))
	}
	return &itemExpr{of, bounds[0]}
}

// arguments reads a call's arguments in brackets.
func (p *parser) arguments() (args argList) {
	p.next()
	p.commas(")", func() {
		if next := p.tokens[min(p.at+1, len(p.tokens)-1)]; p.peek().kind == kindName && next.kind == kindOp && next.text == "=" {
			args.names = append(args.names, p.name())
			p.next()
			args.named = append(args.named, p.expression())
			return
		}
		if len(args.names) > 0 {
			panic(p.errorf("an argument without name follows one with a name"))
		}
		args.positional = append(args.positional, p.expression())
	})
	if len(args.positional)+len(args.names) > maxArguments {
		panic(p.errorf("more than %d arguments", maxArguments))
	}
	return args
}
