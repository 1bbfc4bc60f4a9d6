package jinja

import (
	"errors"
	"fmt"
	"time"
)

// render is one run of a template.
type render struct {
	budget
	out   *builder
	scope *scope
	now   func() time.Time
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

var (
	errBreak    = errors.New("break")
	errContinue = errors.New("continue")
)

// Render gives the template's text for its variables, which are Text, string,
// bool, int, nil, Dict or []any of these. An error begins with "line N: ".
// The time is bounded, to about a second, and the memory to some ten MiB, both
// and the length of the text by a multiple of size, the bytes of the input.
func (t *Template) Render(vars Dict, size int) (Text, error) {
	return t.render(vars, size, time.Now)
}

func (t *Template) render(vars Dict, size int, now func() time.Time) (Text, error) {
	r := &render{out: new(builder), scope: &scope{vars: globals}, now: now}
	r.steps = baseSteps + stepsPerByte*size
	r.enterScope()
	for _, v := range vars {
		x, err := valueOf(v.Value)
		if err != nil {
			return Text{}, fmt.Errorf("line 1: %s: %w", v.Key, err)
		}
		r.scope.set(v.Key, x)
	}
	if err := r.run(t.body); err != nil {
		return Text{}, err
	}
	return r.out.text(), nil
}

func (r *render) enterScope() { r.scope = &scope{parent: r.scope} }
func (r *render) leaveScope() { r.scope = r.scope.parent }

// write pays for text and puts it out.
func (r *render) write(t Text) error {
	r.out.add(t)
	return r.spend(1 + len(t.S)/bytesPerStep + len(t.Input))
}

// run executes nodes in the present scope.
func (r *render) run(nodes []node) error {
	for _, n := range nodes {
		if err := r.enter(); err != nil {
			return err
		}
		err := n.run(r)
		r.leave()
		if err != nil {
			return err
		}
	}
	return nil
}

// inScope executes nodes in a scope of their own.
func (r *render) inScope(nodes []node) error {
	r.enterScope()
	defer r.leaveScope()
	return r.run(nodes)
}

// capture executes nodes in a scope of their own and returns their text.
func (r *render) capture(nodes []node) (Text, error) {
	out := r.out
	r.out = new(builder)
	defer func() { r.out = out }()
	err := r.inScope(nodes)
	return r.out.text(), err
}

// at puts a line in front of an error that has none yet.
func at(line int, err error) error {
	var placed *syntaxError
	if err == nil || err == errBreak || err == errContinue || errors.As(err, &placed) {
		return err
	}
	return &syntaxError{line, err.Error()}
}

func (n textNode) run(r *render) error { return r.write(n.text) }

func (n outputNode) run(r *render) error {
	v, err := r.eval(n.expr)
	if err != nil {
		return at(n.line, err)
	}
	t, err := r.str(v)
	if err != nil {
		return at(n.line, err)
	}
	return at(n.line, r.write(t))
}

func (n ifNode) run(r *render) error {
	v, err := r.eval(n.test)
	if err != nil {
		return at(n.line, err)
	}
	if truth(v) {
		return r.run(n.body)
	}
	return r.run(n.elseBody)
}

func (n setNode) run(r *render) error {
	v, err := r.eval(n.expr)
	if err != nil {
		return at(n.line, err)
	}
	if len(n.targets) == 1 {
		return at(n.line, r.assign(n.targets[0], v))
	}
	items, err := r.unpack(v, len(n.targets))
	if err != nil {
		return at(n.line, err)
	}
	for i, t := range n.targets {
		if err := r.assign(t, items[i]); err != nil {
			return at(n.line, err)
		}
	}
	return nil
}

func (r *render) assign(t target, v value) error {
	if t.attribute == "" {
		r.scope.set(t.name, v)
		return nil
	}
	owner, _ := r.scope.get(t.name)
	ns, ok := owner.(*namespace)
	if !ok {
		return fmt.Errorf("cannot assign attribute on non-namespace object %s", t.name)
	}
	ns.vars[t.attribute] = v
	return nil
}

// unpack returns the n items of v.
func (r *render) unpack(v value, n int) ([]value, error) {
	items, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	if len(items) != n {
		return nil, fmt.Errorf("cannot unpack %d values into %d names", len(items), n)
	}
	return items, nil
}

func (n setBlockNode) run(r *render) error {
	t, err := r.capture(n.body)
	if err != nil {
		return err
	}
	v, err := r.applyAll(n.filters, t)
	if err != nil {
		return at(n.line, err)
	}
	return at(n.line, r.assign(n.target, v))
}

func (n filterNode) run(r *render) error {
	t, err := r.capture(n.body)
	if err != nil {
		return err
	}
	v, err := r.applyAll(n.filters, t)
	if err != nil {
		return at(n.line, err)
	}
	t, err = r.str(v)
	if err != nil {
		return at(n.line, err)
	}
	return at(n.line, r.write(t))
}

func (r *render) applyAll(list []filterCall, v value) (value, error) {
	for _, f := range list {
		var err error
		if v, err = r.eval(&filterExpr{&constExpr{v}, f}); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (n withNode) run(r *render) error {
	values := make([]value, len(n.values))
	for i, e := range n.values {
		v, err := r.eval(e)
		if err != nil {
			return at(n.line, err)
		}
		values[i] = v
	}
	r.enterScope()
	defer r.leaveScope()
	for i, name := range n.targets {
		r.scope.set(name, values[i])
	}
	return r.run(n.body)
}

func (n scopeNode) run(r *render) error { return r.inScope(n.body) }
func (n jumpNode) run(*render) error    { return n.err }

func (n macroNode) run(r *render) error {
	r.scope.set(n.macro.name, n.macro.bind(r.scope))
	return nil
}

func (n callNode) run(r *render) error {
	caller := n.caller.bind(r.scope)
	f, err := r.eval(n.call.of)
	if err != nil {
		return at(n.line, err)
	}
	args, err := r.arguments(n.call.args)
	if err != nil {
		return at(n.line, err)
	}
	args.names, args.named = append(args.names, "caller"), append(args.named, caller)
	v, err := r.call(f, args)
	if err != nil {
		return at(n.line, err)
	}
	t, err := r.str(v)
	if err != nil {
		return at(n.line, err)
	}
	return at(n.line, r.write(t))
}

// bind makes a macro callable; it sees the variables of its scope.
func (m *macro) bind(home *scope) function {
	return function{m.name, func(r *render, a *arguments) (value, error) {
		from := r.scope
		defer func() { r.scope = from }()
		r.scope = &scope{parent: home}
		if err := m.pass(r, a); err != nil {
			return nil, err
		}
		return r.capture(m.body)
	}}
}

// pass sets a macro's parameters.
func (m *macro) pass(r *render, a *arguments) error {
	if caller := a.take("caller"); caller != nil {
		r.scope.set("caller", caller)
	}
	required := len(m.parameters) - len(m.defaults)
	for i, name := range m.parameters {
		v, given := a.parameter(i, name)
		switch {
		case given:
		case i >= required:
			var err error
			if v, err = r.eval(m.defaults[i-required]); err != nil {
				return err
			}
		default:
			v = undefined{fmt.Sprintf("parameter '%s' was not provided", name)}
		}
		r.scope.set(name, v)
	}
	return a.done(len(m.parameters), m.name)
}
