package jinja

import (
	"slices"
	"strconv"
)

// postfix reads attributes, items and calls.
func (p *parser) postfix(e expr) (expr, error) {
	for {
		switch {
		case p.skip(kindOp, "."):
			t := p.next()
			switch t.kind {
			case kindName:
				e = &attrExpr{e, t.text}
			case kindInt:
				i, err := strconv.ParseInt(t.text, 10, 64)
				if err != nil {
					return nil, p.fail("want a name or number after the point")
				}
				e = &itemExpr{e, &constExpr{i}}
			default:
				return nil, p.fail("want a name or number after the point")
			}
		case p.is(kindOp, "["):
			var err error
			if e, err = p.subscript(e); err != nil {
				return nil, err
			}
		case p.is(kindOp, "("):
			args, err := p.arguments()
			if err != nil {
				return nil, err
			}
			e = &callExpr{e, args}
		default:
			return e, nil
		}
	}
}

func (p *parser) subscript(of expr) (expr, error) {
	p.next()
	var parts [3]expr
	n := 0
	for i := 0; ; i++ {
		if !p.is(kindOp, ":") && !p.is(kindOp, "]") {
			e, err := p.expression()
			if err != nil {
				return nil, err
			}
			parts[i] = e
		}
		if n = i; i == 2 || !p.skip(kindOp, ":") {
			break
		}
	}
	if err := p.expect(kindOp, "]"); err != nil {
		return nil, err
	}
	switch {
	case n > 0:
		return &sliceExpr{of, parts[0], parts[1], parts[2]}, nil
	case parts[0] == nil:
		return nil, p.fail("want an index")
	}
	return &itemExpr{of, parts[0]}, nil
}

// arguments reads a call's arguments in brackets.
func (p *parser) arguments() (args argList, err error) {
	p.next()
	for first := true; !p.skip(kindOp, ")"); first = false {
		if !first {
			if err := p.expect(kindOp, ","); err != nil {
				return args, err
			}
			if p.skip(kindOp, ")") {
				break
			}
		}
		name := ""
		if p.peek().kind == kindName && p.tokens[p.at+1].kind == kindOp && p.tokens[p.at+1].text == "=" {
			name = p.next().text
			p.next()
		}
		e, err := p.expression()
		switch {
		case err != nil:
			return args, err
		case name != "":
			args.names, args.named = append(args.names, name), append(args.named, e)
		case len(args.names) > 0:
			return args, p.fail("an argument without name follows one with a name")
		default:
			args.positional = append(args.positional, e)
		}
	}
	return args, nil
}

// filtered reads filters and tests behind an expression.
func (p *parser) filtered(e expr) (expr, error) {
	for {
		switch {
		case p.skip(kindOp, "|"):
			f, err := p.filter()
			if err != nil {
				return nil, err
			}
			e = &filterExpr{e, f}
		case p.skip(kindName, "is"):
			var err error
			if e, err = p.test(e); err != nil {
				return nil, err
			}
		case p.is(kindOp, "("):
			args, err := p.arguments()
			if err != nil {
				return nil, err
			}
			e = &callExpr{e, args}
		default:
			return e, nil
		}
	}
}

// filters reads one or more filters between bars.
func (p *parser) filters() (list []filterCall, err error) {
	for {
		f, err := p.filter()
		if err != nil {
			return nil, err
		}
		list = append(list, f)
		if !p.skip(kindOp, "|") {
			return list, nil
		}
	}
}

func (p *parser) filter() (f filterCall, err error) {
	if f.name, err = p.name(); err != nil {
		return f, err
	}
	if p.is(kindOp, "(") {
		f.args, err = p.arguments()
	}
	return f, err
}

func (p *parser) test(of expr) (expr, error) {
	negated := p.skip(kindName, "not")
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	call := filterCall{name: name}
	switch t := p.peek(); {
	case p.is(kindOp, "("):
		call.args, err = p.arguments()
	case t.kind == kindName && !slices.Contains([]string{"else", "or", "and", "is", "if", "in", "not", "recursive"}, t.text),
		t.kind == kindString, t.kind == kindInt, t.kind == kindFloat, p.is(kindOp, "["), p.is(kindOp, "{"):
		var e expr
		if e, err = p.primary(); err == nil {
			e, err = p.postfix(e)
		}
		call.args.positional = []expr{e}
	}
	e := expr(&testExpr{of, call})
	if negated {
		e = &unaryExpr{"not", e}
	}
	return e, err
}
