package jinja

import "time"

// render is one run of a template.
type render struct {
	steps, depth int  // left, and used
	line         int  // of the present statement
	strict       bool // what is undefined is an error
	out          *builder
	scope        *scope
	now          func() time.Time
}

// scope holds the variables of a block.
type scope struct {
	vars   map[string]value
	parent *scope
}

func (s *scope) get(name string) (value, bool) {
	for ; s != nil; s = s.parent {
		if v, ok := s.vars[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (s *scope) set(name string, v value) {
	if s.vars == nil {
		s.vars = map[string]value{}
	}
	s.vars[name] = v
}

// Render gives the template's text for its variables, which are Text, string,
// bool, int, int64, float64 (finite), nil, Dict or []any of these. An error begins with "line N: ".
// The time is bounded, to about a second, and the memory to some 100 MiB, both
// and the length of the text by a multiple of size, the bytes of the input.
func (t *Template) Render(vars Dict, size int) (Text, error) {
	return t.render(vars, size, time.Now, false)
}

// RenderStrict is Render where a variable, attribute or item that isn't there is an error that
// names it, as with Jinja's StrictUndefined. The filter default and the tests defined and
// undefined take one, and an inline if without else stands for no text.
func (t *Template) RenderStrict(vars Dict, size int) (Text, error) {
	return t.render(vars, size, time.Now, true)
}

func (t *Template) render(vars Dict, size int, now func() time.Time, strict bool) (text Text, err error) {
	defer rescue(&err)
	r := &render{line: 1, out: new(builder), scope: &scope{vars: globals}, now: now, strict: strict}
	r.steps = baseSteps + stepsPerByte*size
	r.enterScope()
	for _, v := range vars {
		r.scope.set(v.Key, r.valueOf(v.Value))
	}
	r.run(t.body)
	return r.out.text(), nil
}

func (r *render) enterScope() { r.scope = &scope{parent: r.scope} }
func (r *render) leaveScope() { r.scope = r.scope.parent }

// run executes nodes in the present scope.
func (r *render) run(nodes []node) jump {
	for _, n := range nodes {
		r.line = n.line
		r.enter()
		j := n.run(r)
		r.leave()
		if j != onward {
			return j
		}
	}
	return onward
}

// inScope executes nodes in a scope of their own.
func (r *render) inScope(nodes []node) jump {
	r.enterScope()
	j := r.run(nodes)
	r.leaveScope()
	return j
}

// capture executes nodes in a scope of their own and returns their text.
func (r *render) capture(nodes []node) Text {
	out, line := r.out, r.line
	r.out = new(builder)
	r.inScope(nodes)
	text := r.out.text()
	r.out, r.line = out, line
	return text
}

// write pays for text and puts it out.
func (r *render) write(t Text) jump {
	r.text(t)
	r.out.add(t)
	return onward
}

func (n textNode) run(r *render) jump   { return r.write(n.text) }
func (n outputNode) run(r *render) jump { return r.write(r.str(r.eval(n.expr))) }
func (n scopeNode) run(r *render) jump  { return r.inScope(n.body) }
func (n jumpNode) run(*render) jump     { return n.jump }

func (n ifNode) run(r *render) jump {
	if truth(r.eval(n.test)) {
		return r.run(n.body)
	}
	return r.run(n.elseBody)
}

func (n setNode) run(r *render) jump {
	v := r.eval(n.expr)
	if len(n.targets) == 1 {
		r.assign(n.targets[0], v)
		return onward
	}
	items := r.unpack(v, len(n.targets))
	for i, t := range n.targets {
		r.assign(t, items[i])
	}
	return onward
}

func (r *render) assign(t target, v value) {
	if t.attribute == "" {
		r.scope.set(t.name, v)
		return
	}
	owner, _ := r.scope.get(t.name)
	ns, ok := owner.(*namespace)
	if !ok {
		panic(r.errorf("cannot assign attribute on non-namespace object %.40s", t.name))
	}
	ns.vars[t.attribute] = v
}

// unpack returns the n items of v.
func (r *render) unpack(v value, n int) []value {
	items := r.iterate(v)
	if len(items) != n {
		panic(r.errorf("cannot unpack %d values into %d names", len(items), n))
	}
	return items
}

// run makes the macro callable; it sees the variables of its scope.
func (n macroNode) run(r *render) jump {
	home := r.scope
	r.scope.set(n.name, function{n.name, func(r *render, a *arguments) value {
		from := r.scope
		r.scope = &scope{parent: home}
		n.pass(r, a)
		text := r.capture(n.body)
		r.scope = from
		return text
	}})
	return onward
}

// pass sets a macro's parameters.
func (n macroNode) pass(r *render, a *arguments) {
	required := len(n.parameters) - len(n.defaults)
	for i, name := range n.parameters {
		v, given := a.parameter(i, name)
		switch {
		case given:
		case i >= required:
			v = r.eval(n.defaults[i-required])
		default:
			v = undefined{"", name}
		}
		r.scope.set(name, v)
	}
	a.done(r, len(n.parameters))
}
