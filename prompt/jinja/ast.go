package jinja

// node is a statement.
type node interface {
	run(r *render) error
}

// expr is an expression; its value may be undefined.
type expr interface {
	eval(r *render) (value, error)
}

type (
	textNode   struct{ text Text }
	outputNode struct {
		line int
		expr expr
	}
	ifNode struct {
		line     int
		test     expr
		body     []node
		elseBody []node
	}
	forNode struct {
		line     int
		targets  []string
		over     expr
		filter   expr // nil: none
		body     []node
		elseBody []node
	}
	setNode struct {
		line    int
		targets []target
		expr    expr
	}
	setBlockNode struct {
		line    int
		target  target
		filters []filterCall
		body    []node
	}
	macroNode struct {
		line  int
		macro *macro
	}
	callNode struct {
		line   int
		call   *callExpr
		caller *macro
	}
	filterNode struct {
		line    int
		filters []filterCall
		body    []node
	}
	withNode struct {
		line    int
		targets []string
		values  []expr
		body    []node
	}
	scopeNode struct{ body []node } // generation
	jumpNode  struct{ err error }   // break, continue
)

// target is what set writes to: a name, or a namespace's variable.
type target struct{ name, attribute string }

// macro is the source of a macro or a call block.
type macro struct {
	name       string
	parameters []string
	defaults   []expr // of the last parameters
	body       []node
}

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
	sliceExpr struct{ of, start, stop, step expr } // nil: not given
	callExpr  struct {
		of   expr
		args argList
	}
	filterExpr struct {
		of     expr // nil: the body of a block
		filter filterCall
	}
	testExpr struct {
		of   expr
		test filterCall
	}
	unaryExpr struct {
		op string
		of expr
	}
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

// filterCall is a filter or test and its arguments.
type filterCall struct {
	name string
	args argList
}
