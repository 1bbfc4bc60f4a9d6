package markdown

import (
	"bytes"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
	extension "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/util"
)

// paragraphs parses what stands in one paragraph.
var paragraphs = parser.NewParser(
	parser.WithBlockParsers(util.Prioritized(parser.NewParagraphParser(), 1)),
	parser.WithInlineParsers(
		util.Prioritized(formulas{}, 0),
		util.Prioritized(parser.NewCodeSpanParser(), 1),
		util.Prioritized(parser.NewLinkParser(), 2),
		util.Prioritized(parser.NewAutoLinkParser(), 3),
		util.Prioritized(parser.NewRawHTMLParser(), 4),
		util.Prioritized(emphases, 5),
		util.Prioritized(strikethroughs, 6),
	),
)

// drawing hands what was parsed to put.
type drawing struct {
	source []byte
	put    func(r rune, s style)
}

func (d *drawing) children(n ast.Node, s style) {
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		d.node(child, s)
	}
}

func (d *drawing) node(n ast.Node, s style) {
	switch n := n.(type) {
	case *ast.Text:
		d.text(n, n.Segment.Start, n.Segment.Stop, s)
	case *ast.CodeSpan:
		for child := n.FirstChild(); child != nil; child = child.NextSibling() {
			value := child.(*ast.Text).Segment.Value(d.source)
			d.literal(bytes.ReplaceAll(value, []byte("\n"), []byte(" ")), s|code)
		}
	case *ast.Emphasis:
		d.children(n, s|[]style{italic, bold}[n.Level-1])
	case *extension.Strikethrough:
		d.children(n, s|strike)
	case *ast.Link:
		d.link(n, n.Destination, s)
	case *ast.Image:
		d.link(n, n.Destination, s)
	case *ast.AutoLink:
		d.literal(n.Label(d.source), s|underline)
	case *ast.RawHTML:
		for k := range n.Segments.Len() {
			segment := n.Segments.At(k)
			d.html(segment.Value(d.source), s)
		}
	case *formula:
		d.literal(d.source[n.segment.Start:min(n.segment.Stop, len(d.source))], s)
	default:
		d.children(n, s)
	}
}

// text draws source[from:to] of a text.
func (d *drawing) text(n *ast.Text, from, to int, s style) {
	value := d.source[from:to]
	if !n.IsRaw() {
		value = resolve(value)
	}
	d.literal(value, s)
	if to == n.Segment.Stop && (n.SoftLineBreak() || n.HardLineBreak()) {
		d.put('\n', s)
	}
}

// link draws a link's text and where it leads, where that is not the same. A terminal's own links (OSC 8) would hide it.
func (d *drawing) link(n ast.Node, destination []byte, s style) {
	shown := styled{}
	inner := drawing{d.source, shown.add}
	inner.children(n, s|underline)
	for k, r := range string(shown.text) {
		d.put(r, shown.styles[k])
	}
	address := string(destination)
	switch {
	case address == "" || address == string(shown.text):
	case len(shown.text) == 0:
		d.literal(destination, s|underline)
	default:
		d.literal([]byte(" ("+address+")"), s|dim)
	}
}

// html draws a tag as it is; that of a line break, which models write into tables, as one.
func (d *drawing) html(tag []byte, s style) {
	if name := strings.Trim(string(tag), "</ >"); strings.EqualFold(name, "br") {
		d.put('\n', s)
		return
	}
	d.literal(tag, s)
}

// literal draws text as it is, but for control characters, which references can name.
func (d *drawing) literal(value []byte, s style) {
	for _, r := range string(value) {
		if r == '\n' || !unicode.IsControl(r) {
			d.put(r, s)
		}
	}
}

// resolve takes the backslashes from escapes and puts the characters that references name in their place.
func resolve(value []byte) []byte {
	out := make([]byte, 0, len(value))
	for k := 0; k < len(value); k++ {
		switch c := value[k]; {
		case c == '\\' && k+1 < len(value) && util.IsPunct(value[k+1]):
			k++
			if bytes.IndexByte([]byte("()[]"), value[k]) >= 0 { // of a formula that was cut
				out = append(out, '\\')
			}
			out = append(out, value[k])
		case c == '&':
			n := 1
			for k+n < len(value) && isReference(rune(value[k+n])) {
				n++
			}
			if k+n < len(value) && value[k+n] == ';' {
				n++
			}
			out = append(out, util.ResolveEntityNames(util.ResolveNumericReferences(value[k:k+n]))...)
			k += n - 1
		default:
			out = append(out, c)
		}
	}
	return out
}
