package jinja

import (
	"slices"
	"strconv"
	"strings"
)

// expression reads an expression, a conditional one included.
func (p *parser) expression() (expr, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.nested-- }()
	e, err := p.or()
	for err == nil && p.skip(kindName, "if") {
		c := &condExpr{then: e}
		if c.test, err = p.or(); err != nil {
			return nil, err
		}
		if p.skip(kindName, "else") {
			if c.otherwise, err = p.expression(); err != nil {
				return nil, err
			}
		}
		e = c
	}
	return e, err
}

// tuple reads one expression, or several between commas as a tuple. Without
// conditional an "if" ends it, as in the head of a loop.
func (p *parser) tuple(conditional bool) (expr, error) {
	read := p.or
	if conditional {
		read = p.expression
	}
	first, err := read()
	if err != nil || !p.is(kindOp, ",") {
		return first, err
	}
	items := []expr{first}
	for p.skip(kindOp, ",") {
		if p.peek().kind == kindClose || p.is(kindOp, ")") {
			break
		}
		e, err := read()
		if err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	return &listExpr{items, true}, nil
}

// chain reads operands between operators that bind to the left.
func (p *parser) chain(k kind, operand func() (expr, error), ops ...string) (expr, error) {
	e, err := operand()
	for err == nil && p.peek().kind == k && slices.Contains(ops, p.peek().text) {
		op := p.next().text
		var b expr
		b, err = operand()
		e = &binaryExpr{op, e, b}
	}
	return e, err
}

func (p *parser) or() (expr, error)  { return p.chain(kindName, p.and, "or") }
func (p *parser) and() (expr, error) { return p.chain(kindName, p.not, "and") }

func (p *parser) not() (expr, error) {
	if !p.skip(kindName, "not") {
		return p.compare()
	}
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.nested-- }()
	e, err := p.not()
	return &unaryExpr{"not", e}, err
}

func (p *parser) compare() (expr, error) {
	first, err := p.sum()
	if err != nil {
		return nil, err
	}
	c := &compareExpr{first: first}
	for {
		op := p.comparison()
		if op == "" {
			break
		}
		e, err := p.sum()
		if err != nil {
			return nil, err
		}
		c.ops, c.rest = append(c.ops, op), append(c.rest, e)
	}
	if len(c.ops) == 0 {
		return first, nil
	}
	return c, nil
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

func (p *parser) sum() (expr, error) { return p.chain(kindOp, p.concat, "+", "-") }

func (p *parser) concat() (expr, error) {
	e, err := p.product()
	if err != nil || !p.is(kindOp, "~") {
		return e, err
	}
	c := &concatExpr{[]expr{e}}
	for p.skip(kindOp, "~") {
		if e, err = p.product(); err != nil {
			return nil, err
		}
		c.parts = append(c.parts, e)
	}
	return c, nil
}

func (p *parser) product() (expr, error) { return p.chain(kindOp, p.power, "*", "/", "//", "%") }

func (p *parser) power() (expr, error) {
	return p.chain(kindOp, func() (expr, error) { return p.unary(true) }, "**")
}

func (p *parser) unary(filtered bool) (e expr, err error) {
	if op := p.peek(); op.kind == kindOp && (op.text == "-" || op.text == "+") {
		p.next()
		if err := p.deeper(); err != nil {
			return nil, err
		}
		e, err = p.unary(false)
		p.nested--
		e = &unaryExpr{op.text, e}
	} else {
		e, err = p.primary()
	}
	if err == nil {
		e, err = p.postfix(e)
	}
	if err == nil && filtered {
		e, err = p.filtered(e)
	}
	return e, err
}

func (p *parser) primary() (expr, error) {
	t := p.peek()
	switch t.kind {
	case kindName:
		p.next()
		return nameOrConstant(t.text), nil
	case kindString:
		return p.literal(), nil
	case kindInt:
		p.next()
		i, err := strconv.ParseInt(t.text, 0, 64)
		if err != nil && strings.Trim(t.text, "0") != "" { // 010 is a number here
			i, err = strconv.ParseInt(t.text, 10, 64)
		}
		if err != nil {
			return nil, &syntaxError{t.line, "the number " + t.text + " is out of range"}
		}
		return &constExpr{i}, nil
	case kindFloat:
		p.next()
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return nil, &syntaxError{t.line, "the number " + t.text + " is out of range"}
		}
		return &constExpr{f}, nil
	case kindOp:
		switch t.text {
		case "(":
			return p.brackets()
		case "[":
			items, err := p.items("]")
			return &listExpr{items, false}, err
		case "{":
			return p.dict()
		}
	}
	return nil, p.fail("want an expression, got %s", t.describe())
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

// literal reads a string; neighbours are one.
func (p *parser) literal() expr {
	s := p.next().text
	for p.peek().kind == kindString {
		s += p.next().text
	}
	return &constExpr{own(s)}
}

func (p *parser) brackets() (expr, error) {
	p.next()
	if p.skip(kindOp, ")") {
		return &listExpr{nil, true}, nil
	}
	e, err := p.tuple(true)
	if err != nil {
		return nil, err
	}
	return e, p.expect(kindOp, ")")
}

// items reads expressions between commas up to the closing bracket; the
// opening one is the next token.
func (p *parser) items(end string) (items []expr, err error) {
	p.next()
	for !p.skip(kindOp, end) {
		if len(items) > 0 {
			if err := p.expect(kindOp, ","); err != nil {
				return nil, err
			}
			if p.skip(kindOp, end) {
				break
			}
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	return items, nil
}

func (p *parser) dict() (expr, error) {
	p.next()
	d := &dictExpr{}
	for !p.skip(kindOp, "}") {
		if len(d.keys) > 0 {
			if err := p.expect(kindOp, ","); err != nil {
				return nil, err
			}
			if p.skip(kindOp, "}") {
				break
			}
		}
		key, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expect(kindOp, ":"); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, key), append(d.values, v)
	}
	return d, nil
}
