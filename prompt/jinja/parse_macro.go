package jinja

func (p *parser) macroStatement(line int) (node, error) {
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	m := &macro{name: name}
	if err := p.parameters(m); err != nil {
		return nil, err
	}
	loops := p.loops
	p.loops = 0
	m.body, err = p.body("endmacro")
	p.loops = loops
	return macroNode{line, m}, err
}

func (p *parser) callStatement(line int) (node, error) {
	m := &macro{name: "caller"}
	if p.is(kindOp, "(") {
		if err := p.parameters(m); err != nil {
			return nil, err
		}
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	call, ok := e.(*callExpr)
	if !ok {
		return nil, &syntaxError{line, "call wants a call"}
	}
	loops := p.loops
	p.loops = 0
	m.body, err = p.body("endcall")
	p.loops = loops
	return callNode{line, call, m}, err
}

// parameters reads a macro's parameters in brackets.
func (p *parser) parameters(m *macro) error {
	if err := p.expect(kindOp, "("); err != nil {
		return err
	}
	for !p.skip(kindOp, ")") {
		if len(m.parameters) > 0 {
			if err := p.expect(kindOp, ","); err != nil {
				return err
			}
		}
		name, err := p.name()
		if err != nil {
			return err
		}
		m.parameters = append(m.parameters, name)
		if p.skip(kindOp, "=") {
			e, err := p.expression()
			if err != nil {
				return err
			}
			m.defaults = append(m.defaults, e)
		} else if len(m.defaults) > 0 {
			return p.fail("parameter %s needs a default", name)
		}
	}
	return nil
}
