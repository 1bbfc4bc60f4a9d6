package jinja

import (
	"fmt"
	"math"
	"strings"
)

func (e *unaryExpr) eval(r *render) (value, error) {
	v, err := r.eval(e.of)
	if err != nil {
		return nil, err
	}
	if e.op == "not" {
		return !truth(v), nil
	}
	i, f, isInt, ok := number(v)
	switch {
	case !ok:
		return nil, typeError(v, "has no sign")
	case e.op == "+" && isInt:
		return i, nil
	case e.op == "+":
		return f, nil
	case isInt:
		return -i, nil
	}
	return -f, nil
}

func (e *concatExpr) eval(r *render) (value, error) {
	var b builder
	for _, part := range e.parts {
		v, err := r.eval(part)
		if err != nil {
			return nil, err
		}
		t, err := r.str(v)
		if err != nil {
			return nil, err
		}
		b.add(t)
		if err := r.spend(1 + len(t.S)/bytesPerStep + len(t.Input)); err != nil {
			return nil, err
		}
	}
	return b.text(), nil
}

func (e *binaryExpr) eval(r *render) (value, error) {
	a, err := r.eval(e.a)
	if err != nil {
		return nil, err
	}
	if e.op == "and" && !truth(a) || e.op == "or" && truth(a) {
		return a, nil
	}
	b, err := r.eval(e.b)
	if err != nil || e.op == "and" || e.op == "or" {
		return b, err
	}
	return r.binary(e.op, a, b)
}

func (r *render) binary(op string, a, b value) (value, error) {
	for _, v := range []value{a, b} {
		if u, ok := v.(undefined); ok {
			return nil, u.error()
		}
	}
	switch x := a.(type) {
	case Text:
		switch y, isText := b.(Text); {
		case op == "+" && isText:
			if err := r.spend(1 + (len(x.S)+len(y.S))/bytesPerStep + len(x.Input) + len(y.Input)); err != nil {
				return nil, err
			}
			return join(x, y), nil
		case op == "%":
			return r.percent(x, b)
		case op == "*":
			return r.repeatText(x, b)
		}
	case *list:
		if y, ok := b.(*list); ok && op == "+" && x.tuple == y.tuple {
			if err := r.items(len(x.items) + len(y.items)); err != nil {
				return nil, err
			}
			return r.newListLike(x, append(append([]value(nil), x.items...), y.items...))
		}
		if op == "*" {
			return r.repeatList(x, b)
		}
	}
	if op == "*" {
		switch b.(type) {
		case Text, *list:
			if _, _, isInt, _ := number(a); isInt {
				return r.binary(op, b, a)
			}
		}
	}
	i, f, aInt, aOK := number(a)
	j, g, bInt, bOK := number(b)
	switch {
	case !aOK || !bOK:
		return nil, fmt.Errorf("unsupported operand types for %s: '%s' and '%s'", op, typeName(a), typeName(b))
	case aInt && bInt && op != "/" && (op != "**" || j >= 0):
		return integers(op, i, j)
	}
	return floats(op, f, g)
}

func (r *render) newListLike(l *list, items []value) (value, error) {
	n, err := r.newList(items)
	if err != nil {
		return nil, err
	}
	n.tuple = l.tuple
	return n, nil
}

// times is how often a repetition repeats n bytes or items, once paid for.
func (r *render) times(by value, n, perStep int) (int, error) {
	i, _, isInt, _ := number(by)
	if !isInt {
		return 0, fmt.Errorf("can't multiply a sequence by '%s'", typeName(by))
	}
	if i <= 0 || n == 0 {
		return 0, nil
	}
	if i > int64(r.steps*perStep/n) {
		return 0, errSteps
	}
	return int(i), r.spend(int(i) * n / perStep)
}

func (r *render) repeatText(t Text, by value) (value, error) {
	n, err := r.times(by, len(t.S), bytesPerStep)
	if err != nil || n == 0 {
		return Text{}, err
	}
	return like(strings.Repeat(t.S, n), t), nil
}

func (r *render) repeatList(l *list, by value) (value, error) {
	n, err := r.times(by, len(l.items), 1)
	if err != nil {
		return nil, err
	}
	if err := r.items(n * len(l.items)); err != nil {
		return nil, err
	}
	var items []value
	for range n {
		items = append(items, l.items...)
	}
	return r.newListLike(l, items)
}

func integers(op string, i, j int64) (value, error) {
	result, ok := int64(0), true
	switch op {
	case "+":
		result = i + j
		ok = (result > i) == (j > 0)
	case "-":
		result = i - j
		ok = (result < i) == (j > 0)
	case "*":
		result, ok = product(i, j)
	case "//", "%":
		if j == 0 {
			return nil, fmt.Errorf("integer division or modulo by zero")
		}
		ok = j != -1 || i != math.MinInt64
		q, m := int64(0), int64(0)
		if ok {
			q, m = i/j, i%j
		}
		if m != 0 && (m < 0) != (j < 0) { // Python rounds down
			q, m = q-1, m+j
		}
		if result = q; op == "%" {
			result = m
		}
	case "**":
		result = 1
		for ; j > 0 && ok; j >>= 1 {
			if j&1 != 0 {
				result, ok = product(result, i)
			}
			if j > 1 && ok {
				i, ok = product(i, i)
			}
		}
	}
	if !ok {
		return nil, fmt.Errorf("a number is out of range")
	}
	return result, nil
}

func product(i, j int64) (int64, bool) {
	if i == 0 || j == 0 {
		return 0, true
	}
	p := i * j
	return p, p/j == i && !(i == -1 && j == math.MinInt64) && !(j == -1 && i == math.MinInt64)
}

func floats(op string, f, g float64) (value, error) {
	switch op {
	case "+":
		return f + g, nil
	case "-":
		return f - g, nil
	case "*":
		return f * g, nil
	case "**":
		return math.Pow(f, g), nil
	}
	if g == 0 {
		return nil, fmt.Errorf("division by zero")
	}
	switch op {
	case "//":
		return math.Floor(f / g), nil
	case "%":
		m := math.Mod(f, g)
		if m != 0 && (m < 0) != (g < 0) {
			m += g
		}
		return m, nil
	}
	return f / g, nil
}

func (e *compareExpr) eval(r *render) (value, error) {
	a, err := r.eval(e.first)
	if err != nil {
		return nil, err
	}
	for i, op := range e.ops {
		b, err := r.eval(e.rest[i])
		if err != nil {
			return nil, err
		}
		holds, err := r.compare(op, a, b)
		if err != nil || !holds {
			return false, err
		}
		a = b
	}
	return true, nil
}

func (r *render) compare(op string, a, b value) (bool, error) {
	switch op {
	case "==", "!=":
		same, err := r.equal(a, b)
		return same == (op == "=="), err
	case "in", "not in":
		found, err := r.contains(b, a)
		return found == (op == "in"), err
	}
	c, err := r.order(a, b)
	if err != nil {
		return false, err
	}
	switch op {
	case "<":
		return c < 0, nil
	case "<=":
		return c <= 0, nil
	case ">":
		return c > 0, nil
	}
	return c >= 0, nil
}

func (r *render) equal(a, b value) (bool, error) {
	if i, f, aInt, ok := number(a); ok {
		j, g, bInt, ok := number(b)
		if aInt && bInt {
			return i == j, nil
		}
		return ok && f == g, nil
	}
	switch a := a.(type) {
	case nil:
		return b == nil, nil
	case undefined:
		_, ok := b.(undefined)
		return ok, nil
	case Text:
		t, ok := b.(Text)
		if !ok || len(a.S) != len(t.S) {
			return false, nil
		}
		return a.S == t.S, r.bytes(len(a.S))
	case *list:
		l, ok := b.(*list)
		if !ok || a.tuple != l.tuple || len(a.items) != len(l.items) {
			return false, nil
		}
		return r.equalItems(a.items, func(i int) (value, bool) { return l.items[i], true })
	case *dict:
		d, ok := b.(*dict)
		if !ok || len(a.keys) != len(d.keys) {
			return false, nil
		}
		return r.equalItems(a.values, func(i int) (value, bool) { return d.get(a.keys[i]) })
	case *namespace:
		n, ok := b.(*namespace)
		return ok && a == n, nil
	}
	return false, nil
}

func (r *render) equalItems(items []value, other func(i int) (value, bool)) (bool, error) {
	for i, item := range items {
		if err := r.spend(1); err != nil {
			return false, err
		}
		v, ok := other(i)
		if !ok {
			return false, nil
		}
		if same, err := r.equal(item, v); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// order compares numbers, strings, or lists of these.
func (r *render) order(a, b value) (int, error) {
	_, f, _, aNumber := number(a)
	_, g, _, bNumber := number(b)
	if aNumber && bNumber {
		switch {
		case f < g:
			return -1, nil
		case f > g:
			return 1, nil
		}
		return 0, nil
	}
	switch x := a.(type) {
	case undefined:
		return 0, x.error()
	case Text:
		if y, ok := b.(Text); ok {
			return strings.Compare(x.S, y.S), r.bytes(min(len(x.S), len(y.S)))
		}
	case *list:
		if y, ok := b.(*list); ok && x.tuple == y.tuple {
			for i := range min(len(x.items), len(y.items)) {
				if c, err := r.order(x.items[i], y.items[i]); err != nil || c != 0 {
					return c, err
				}
			}
			return len(x.items) - len(y.items), r.spend(1)
		}
	}
	if u, ok := b.(undefined); ok {
		return 0, u.error()
	}
	return 0, fmt.Errorf("'%s' and '%s' have no order", typeName(a), typeName(b))
}

// contains is "v in set".
func (r *render) contains(set, v value) (bool, error) {
	switch s := set.(type) {
	case Text:
		t, ok := v.(Text)
		if !ok {
			return false, typeError(v, "can't be in a string")
		}
		return strings.Contains(s.S, t.S), r.bytes(len(s.S))
	case *dict:
		_, ok := s.get(v)
		return ok, nil
	case *list:
		for _, item := range s.items {
			if err := r.spend(1); err != nil {
				return false, err
			}
			if same, err := r.equal(item, v); err != nil || same {
				return same, err
			}
		}
		return false, nil
	case undefined:
		return false, nil
	}
	return false, typeError(set, "is not iterable")
}
