package markdown

import (
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
	extension "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// delimiters parses runs of * and _ as CommonMark does, and ~~. It is goldmark's with two differences: beside a
// letter of a script that puts no blanks between words, punctuation inside a run doesn't keep it
// from closing (**注意：**请 is bold), and one ~ is a tilde (~5 km).
type delimiters struct {
	characters string
	node       func(length int) ast.Node
}

var (
	emphases       = delimiters{"*_", func(length int) ast.Node { return ast.NewEmphasis(length) }}
	strikethroughs = delimiters{"~", func(int) ast.Node { return extension.NewStrikethrough() }}
)

func (d delimiters) Trigger() []byte { return []byte(d.characters) }

func (d delimiters) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	before := block.PrecendingCharacter()
	line, segment := block.PeekLine()
	n := runLength(line)
	after := rune(' ')
	if n < len(line) {
		after = util.ToRune(line, n)
	}
	opens, closes := flanks(line[0], n, before, after)
	segment = segment.WithStop(segment.Start + n)
	block.Advance(n)
	if !opens && !closes {
		return ast.NewTextSegment(segment)
	}
	node := parser.NewDelimiter(opens, closes, n, line[0], d)
	node.Segment = segment
	pc.PushDelimiter(node)
	return node
}

func (d delimiters) IsDelimiter(c byte) bool { return strings.IndexByte(d.characters, c) >= 0 }

func (delimiters) CanOpenCloser(opener, closer *parser.Delimiter) bool {
	return opener.Char == closer.Char
}

func (d delimiters) OnMatch(consumes int) ast.Node { return d.node(consumes) }

// runLength is how often text begins with its first byte.
func runLength(text []byte) int {
	n := 1
	for n < len(text) && text[n] == text[0] {
		n++
	}
	return n
}

// flanks tells whether a run of n times c between two characters can open and close an emphasis.
func flanks(c byte, n int, before, after rune) (opens, closes bool) {
	if c == '~' && n != 2 {
		return false, false
	}
	spaceBefore, spaceAfter := util.IsSpaceRune(before), util.IsSpaceRune(after)
	punctBefore, punctAfter := util.IsPunctRune(before), util.IsPunctRune(after)
	dense := isSpaceless(before) || isSpaceless(after)
	opens = !spaceAfter && (!punctAfter || spaceBefore || punctBefore || dense)
	closes = !spaceBefore && (!punctBefore || spaceAfter || punctAfter || dense)
	if c == '_' {
		return opens && (!closes || punctBefore), closes && (!opens || punctAfter)
	}
	return opens, closes
}

func isSpaceless(r rune) bool { return r > unicode.MaxLatin1 && unicode.In(r, spaceless...) }

// spaceless are the scripts that put no blanks between words.
var spaceless = []*unicode.RangeTable{
	unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Han, unicode.Hiragana, unicode.Katakana,
	unicode.Javanese, unicode.Balinese, unicode.Tai_Tham, unicode.New_Tai_Lue, unicode.Tai_Viet,
}
