package markdown

const (
	maxStart = 256  // bytes of a line that may be looked at to tell what it begins
	maxLine  = 4096 // bytes of a line that is held whole: of a table, of a fence
	maxDepth = 16   // of containers
)

// blocks is where in the document the text is: CommonMark's containers and the leaf in them, which lines go on or end.
type blocks struct {
	open    []container
	leaf    leaf
	fence   fence
	line    []byte // of which is not known yet what it begins
	begun   bool   // that is known: the rest of the line goes to the leaf
	whole   bool   // the line is held until it ends
	held    []byte // blanks and # in a heading, which may close it
	header  string // a line of the paragraph, held: that of a table if the next one says so
	formula bool   // one is open in the paragraph
}

// container is a quote or an item of a list.
type container struct {
	quote  bool
	indent int    // columns in front of what continues an item
	kind   byte   // of an item: its bullet, or what is behind its number
	number int    // of an item with one
	marker string // of an item, as it is drawn
	drawn  bool
	empty  bool // an item in which nothing stands yet: a blank line ends it
}

type leaf int

const (
	noLeaf leaf = iota
	paragraph
	heading
	fenced
	indented
	tabular
	rule // a line with nothing more in it
)

// fence is the line that opens a block of code.
type fence struct {
	c      byte
	length int
	indent int
	info   string
}

// start is what a line begins.
type start struct {
	matched   int         // so many of the open containers go on
	opened    []container // in these
	leaf      leaf        // none: the line only closes what is open
	blank     bool
	continues bool // the leaf that is open
	header    bool // the line may be that of a table
	level     int  // of a heading
	fence     fence
	rest      string // goes to the leaf
}

// verdict tells what is known of a line's start.
type verdict int

const (
	told      verdict = iota
	needsMore         // the next character may tell
	needsLine         // the whole line is needed
)

// start tells what line begins; ended is set if nothing more of it is to come.
func (b *blocks) start(line string, ended bool) (start, verdict) {
	c := cursor{line: line}
	s := start{}
	for ; s.matched < len(b.open); s.matched++ {
		columns, next := c.indent()
		blank := next == len(line)
		if blank && !ended {
			return s, needsMore
		}
		o := &b.open[s.matched]
		switch {
		case o.quote && !blank && columns < tab && line[next] == '>':
			if next+1 == len(line) && !ended {
				return s, needsMore
			}
			c.pass(1)
			c.skip(1)
			continue
		case !o.quote && (blank && !o.empty || !blank && columns >= o.indent):
			c.skip(o.indent)
			continue
		}
		break
	}
	goesOn := s.matched == len(b.open)
	if b.leaf == fenced && goesOn {
		return b.inFence(s, c, ended)
	}
	return b.opening(s, c, ended)
}
