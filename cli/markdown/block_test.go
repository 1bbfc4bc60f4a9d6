package markdown

import (
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// documents parses whole documents of the blocks that are told apart here.
var documents = parser.NewParser(parser.WithBlockParsers(
	util.Prioritized(parser.NewThematicBreakParser(), 200),
	util.Prioritized(parser.NewListParser(), 300),
	util.Prioritized(parser.NewListItemParser(), 400),
	util.Prioritized(parser.NewCodeBlockParser(), 500),
	util.Prioritized(parser.NewATXHeadingParser(), 600),
	util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
	util.Prioritized(parser.NewBlockquoteParser(), 800),
	util.Prioritized(parser.NewParagraphParser(), 1000),
))

// outline is, for each line of a document that has letters in a leaf, the containers and the leaf: q a quote, i an item,
// then p, h, f or c.
func outline(document string) []string {
	all := make([]string, strings.Count(document, "\n")+1)
	_ = ast.Walk(documents.Parse(text.NewReader([]byte(document))), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		kind, ok := map[ast.NodeKind]string{
			ast.KindParagraph: "p", ast.KindTextBlock: "p", ast.KindHeading: "h", ast.KindFencedCodeBlock: "f", ast.KindCodeBlock: "c",
		}[n.Kind()]
		if !entering || !ok {
			return ast.WalkContinue, nil
		}
		for parent := n.Parent(); parent != nil; parent = parent.Parent() {
			switch parent.Kind() {
			case ast.KindBlockquote:
				kind = "q" + kind
			case ast.KindListItem:
				kind = "i" + kind
			}
		}
		for k := range n.Lines().Len() {
			if line := n.Lines().At(k); strings.ContainsAny(document[line.Start:line.Stop], "ab") {
				all[strings.Count(document[:line.Start], "\n")] = kind
			}
		}
		return ast.WalkSkipChildren, nil
	})
	return all
}

// streamed is the same as the document comes.
func streamed(document string) []string {
	var all []string
	w := New(io.Discard, func() int { return 80 })
	for line := range strings.SplitSeq(document, "\n") {
		for _, r := range line {
			w.push(r)
		}
		known := w.blocks.begun // else it opens a fence
		w.push('\n')
		kind := ""
		for _, c := range w.blocks.open {
			kind += map[bool]string{true: "q", false: "i"}[c.quote]
		}
		switch leaf := w.blocks.leaf; {
		case leaf == paragraph:
			kind += "p"
		case leaf == heading:
			kind += "h"
		case leaf == fenced && known:
			kind += "f"
		case leaf == indented:
			kind += "c"
		default:
			kind = ""
		}
		if !strings.ContainsAny(line, "ab") {
			kind = ""
		}
		all = append(all, kind)
	}
	return all
}

var emptyItem = regexp.MustCompile(`(?m)([-*]|\d[.)]) *$`)

// Lines belong to the blocks that a parser of documents puts them in.
func TestBlocksAsOfTheWhole(t *testing.T) {
	atoms := []string{"a", "a", "b", "- ", "- ", "* ", "1. ", "2. ", "3) ", "> ", ">", "# ", "    ", "  ", "   ", " ", "```", "~~~", "***", "\n", "\n", "\n", "\n\n"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var b strings.Builder
		for range 1 + r.IntN(16) {
			b.WriteString(atoms[r.IntN(len(atoms))])
		}
		document := b.String()
		if emptyItem.MatchString(document) { // where goldmark is not with CommonMark
			continue
		}
		got, want := streamed(document), outline(document)
		if strings.Join(got, ",") != strings.Join(want, ",") {
			t.Errorf("%q: %q, of the whole %q", document, got, want)
		}
	}
}
