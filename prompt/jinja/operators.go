package jinja

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strings"
)

func (e *notExpr) eval(r *render) value { return !truth(r.eval(e.of)) }

func (e *signExpr) eval(r *render) value { return r.binary("-", int64(0), r.eval(e.of)) }

func (e *concatExpr) eval(r *render) value { return r.join(Text{}, r.evalAll(e.parts)) }

func (e *binaryExpr) eval(r *render) value {
	a := r.eval(e.a)
	switch {
	case e.op == "and" && !truth(a), e.op == "or" && truth(a):
		return a
	case e.op == "and", e.op == "or":
		return r.eval(e.b)
	}
	return r.binary(e.op, r.defined(a), r.defined(r.eval(e.b)))
}

func (r *render) binary(op string, a, b value) value {
	x, xText := a.(Text)
	y, yText := b.(Text)
	l, lList := a.(*list)
	m, mList := b.(*list)
	switch {
	case op == "+" && xText && yText:
		return r.join(Text{}, []value{x, y})
	case op == "+" && lList && mList && l.tuple == m.tuple:
		n := r.newList(append(append([]value(nil), l.items...), m.items...))
		n.tuple = l.tuple
		return n
	case op == "%" && xText && mList && m.tuple:
		return r.percent(x, m.items)
	case op == "%" && xText:
		return r.percent(x, []value{b})
	case op == "*" && xText:
		return r.repeat(x, b)
	case op == "*" && yText:
		return r.repeat(y, a)
	}
	i, f, aInt, aOK := number(a)
	j, g, bInt, bOK := number(b)
	result, ok := value(nil), false
	switch {
	case !aOK || !bOK:
		panic(r.errorf("unsupported operand types for %s: '%s' and '%s'", op, typeName(r.defined(a)), typeName(r.defined(b))))
	case (op == "/" || op == "//" || op == "%") && g == 0:
		panic(r.errorf("division by zero"))
	case aInt && bInt && op != "/":
		result, ok = integers(op, i, j)
	default:
		result, ok = floats(op, f, g)
	}
	if !ok {
		panic(r.errorf("a number is out of range"))
	}
	return result
}

func (r *render) repeat(t Text, by value) value {
	n := max(r.whole(by), 0)
	r.times(n, 1+len(t.S)/bytesPerStep)
	return like(strings.Repeat(t.S, int(n)), t)
}

// integers is false if the result has more than 64 bits. j is not zero if it
// divides.
func integers(op string, i, j int64) (int64, bool) {
	switch op {
	case "+":
		return i + j, (i+j > i) == (j > 0)
	case "-":
		return i - j, (i-j < i) == (j > 0)
	case "*":
		high, low := bits.Mul64(uint64(max(i, -i)), uint64(max(j, -j)))
		return i * j, high == 0 && low <= math.MaxInt64
	}
	if j == -1 {
		return map[string]int64{"//": -i, "%": 0}[op], i != math.MinInt64
	}
	q, m := i/j, i%j
	if m != 0 && (m < 0) != (j < 0) { // Python rounds down
		q, m = q-1, m+j
	}
	if op == "%" {
		return m, true
	}
	return q, true
}

// floats is false if the result is not finite.
func floats(op string, f, g float64) (x float64, finite bool) {
	switch op {
	case "+":
		x = f + g
	case "-":
		x = f - g
	case "*":
		x = f * g
	case "/":
		x = f / g
	case "//":
		x = math.Floor(f / g)
	case "%":
		if x = math.Mod(f, g); x != 0 && (x < 0) != (g < 0) {
			x += g
		}
	}
	return x, math.Abs(x) <= math.MaxFloat64
}

func (e *compareExpr) eval(r *render) value {
	a := r.eval(e.first)
	for i, op := range e.ops {
		b := r.eval(e.rest[i])
		if !r.compare(op, a, b) {
			return false
		}
		a = b
	}
	return true
}

func (r *render) compare(op string, a, b value) bool {
	switch op {
	case "==":
		return r.equal(a, b)
	case "!=":
		return !r.equal(a, b)
	case "in":
		return r.contains(b, a)
	case "not in":
		return !r.contains(b, a)
	case "<":
		return r.order(a, b) < 0
	case "<=":
		return r.order(a, b) <= 0
	case ">":
		return r.order(a, b) > 0
	}
	return r.order(a, b) >= 0
}

func (r *render) equal(a, b value) bool {
	r.spend(1)
	if i, f, aInt, ok := number(a); ok {
		j, g, bInt, ok := number(b)
		if aInt && bInt {
			return i == j
		}
		return ok && f == g
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case undefined:
		return is[undefined](b)
	case Text:
		t, ok := b.(Text)
		if !ok || len(a.S) != len(t.S) {
			return false
		}
		r.bytes(len(a.S))
		return a.S == t.S
	case *list:
		l, ok := b.(*list)
		return ok && a.tuple == l.tuple && slices.EqualFunc(a.items, l.items, r.equal)
	case *dict:
		d, ok := b.(*dict)
		if !ok || len(a.keys) != len(d.keys) {
			return false
		}
		for i, key := range a.keys {
			if v, ok := r.get(d, key); !ok || !r.equal(a.values[i], v) {
				return false
			}
		}
		return true
	case *namespace:
		n, ok := b.(*namespace)
		return ok && a == n
	}
	return false
}

// order compares two numbers or two strings.
func (r *render) order(a, b value) int {
	i, f, aInt, aNumber := number(r.defined(a))
	j, g, bInt, bNumber := number(r.defined(b))
	switch {
	case aInt && bInt:
		return cmp.Compare(i, j)
	case aNumber && bNumber:
		return cmp.Compare(f, g)
	}
	x, aText := a.(Text)
	y, bText := b.(Text)
	if !aText || !bText {
		panic(r.errorf("'%s' and '%s' have no order", typeName(a), typeName(b)))
	}
	r.bytes(min(len(x.S), len(y.S)))
	return strings.Compare(x.S, y.S)
}

// contains is "v in set".
func (r *render) contains(set, v value) bool {
	switch s := set.(type) {
	case Text:
		t, ok := v.(Text)
		if !ok {
			panic(r.typeError(v, "can't be in a string"))
		}
		r.bytes(len(s.S))
		return strings.Contains(s.S, t.S)
	case *dict:
		_, ok := r.get(s, v)
		return ok
	case *list:
		return slices.ContainsFunc(s.items, func(item value) bool { return r.equal(item, v) })
	case undefined:
		return false
	}
	panic(r.typeError(set, "is not iterable"))
}
