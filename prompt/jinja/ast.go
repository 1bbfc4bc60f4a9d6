package jinja

// node is a statement at its line.
type node struct {
	line int
	statement
}

type statement interface{ run(r *render) jump }

// jump is how a statement ends.
type jump int

const (
	onward jump = iota
	breaks
	continues
)

// expr is an expression; its value may be undefined.
type expr interface{ eval(r *render) value }

type (
	textNode   struct{ text Text }
	outputNode struct{ expr expr }
	ifNode     struct {
		test           expr
		body, elseBody []node
	}
	forNode struct {
		targets        []string
		over           expr
		filter         expr // nil: none
		body, elseBody []node
	}
	setNode struct {
		targets []target
		expr    expr
	}
	macroNode struct {
		name       string
		parameters []string
		defaults   []expr // of the last parameters
		body       []node
	}
	scopeNode struct{ body []node } // generation
	jumpNode  struct{ jump jump }   // break, continue
)

// target is what set writes to: a name, or a namespace's variable.
type target struct{ name, attribute string }

type (
	constExpr struct{ value value }
	nameExpr  struct{ name string }
	listExpr  struct {
		items []expr
		tuple bool
	}
	dictExpr struct{ keys, values []expr }
	attrExpr struct {
		of   expr
		name string
	}
	itemExpr  struct{ of, key expr }
	sliceExpr struct {
		of     expr
		bounds [3]expr // start, stop, step; nil: not given
	}
	bodyExpr struct{ nodes []node } // their text
	callExpr struct {
		of   expr
		args argList
	}
	applyExpr struct { // a filter or test
		of    expr
		table table
		name  string
		args  argList
	}
	notExpr    struct{ of expr }
	signExpr   struct{ of expr } // minus
	binaryExpr struct {
		op   string
		a, b expr
	}
	concatExpr  struct{ parts []expr }
	compareExpr struct {
		first expr
		ops   []string
		rest  []expr
	}
	condExpr struct{ test, then, otherwise expr } // otherwise nil: undefined
)

// argList is the arguments of a call as they are written.
type argList struct {
	positional []expr
	names      []string
	named      []expr
}
