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
}

var formulaKind = ast.NewNodeKind("Formula")

func (*formula) Kind() ast.NodeKind { return formulaKind }

func (f *formula) Dump(source []byte, level int) { ast.DumpHelper(f, source, level, nil, nil) }

func (formulas) Trigger() []byte { return []byte(`$\`) }

func (formulas) Parse(_ ast.Node, block text.Reader, _ parser.Context) ast.Node {
	line, segment := block.PeekLine()
	n := formulaLength(line)
	if n == 0 {
		return nil
	}
	block.Advance(n)
	return &formula{segment: segment.WithStop(segment.Start + n)}
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

// formulaLength is the length of the formula that line begins with; 0 if it begins with none that ends in it.
func formulaLength(line []byte) int {
	if closer := display(line); closer != "" {
		if n := bytes.Index(line[2:], []byte(closer)); n >= 0 {
			return 2 + n + len(closer)
		}
		return 0
	}
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
