package markdown

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// formulas parses formulas in TeX, which stay as they are: what is an emphasis or an escape elsewhere is none in them.
type formulas struct{}

// formula is a formula with what is around it.
type formula struct {
	ast.BaseInline
	segment text.Segment
	open    bool // up to the end of its paragraph, as nothing closes it
}

var formulaKind = ast.NewNodeKind("Formula")

func (*formula) Kind() ast.NodeKind { return formulaKind }

func (f *formula) Dump(source []byte, level int) { ast.DumpHelper(f, source, level, nil, nil) }

func (formulas) Trigger() []byte { return []byte(`$\`) }

func (formulas) Parse(_ ast.Node, block text.Reader, _ parser.Context) ast.Node {
	line, segment := block.PeekLine()
	if n := dollarsLength(line); n > 0 {
		block.Advance(n)
		return &formula{segment: segment.WithStop(segment.Start + n)}
	}
	closer := display(line)
	if closer == "" {
		return nil
	}
	rest := block.Source()[segment.Start:] // formulas of their own go over lines
	n := bytes.Index(rest[len(closer):], []byte(closer)) + 2*len(closer)
	f := &formula{open: n < 2*len(closer)}
	if f.open {
		n = len(rest)
	}
	f.segment = segment.WithStop(segment.Start + n)
	block.Advance(n)
	return f
}

// displays are what only a formula is between.
var displays = []struct{ open, close string }{{`\(`, `\)`}, {`\[`, `\]`}, {"$$", "$$"}}

// display is what closes the formula that line begins with; "" if it begins with none.
func display(line []byte) (close string) {
	for _, d := range displays {
		if bytes.HasPrefix(line, []byte(d.open)) {
			return d.close
		}
	}
	return ""
}

// dollarsLength is the length of the formula between dollars that line begins with; 0 if it begins with none.
func dollarsLength(line []byte) int {
	if !opensDollars(line) {
		return 0
	}
	for k := 2; k < len(line); k++ {
		if line[k] == '$' && line[k-1] != ' ' && line[k-1] != '\\' && (k+1 == len(line) || !isDigit(line[k+1])) {
			return k + 1
		}
	}
	return 0
}

// opensDollars tells whether line begins with a dollar that may open a formula; that of a price doesn't.
func opensDollars(line []byte) bool {
	return len(line) > 1 && line[0] == '$' && line[1] != ' ' && line[1] != '\n' && line[1] != '$' && !isDigit(line[1])
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
