package edit

import "strings"

// Editor holds the text that is being entered.
type Editor struct {
	// Width and Height are what the terminal gives, in cells; at most Height rows are laid out.
	Width, Height int

	prompt, more string
	history      *History

	buffer
	last   kind   // of the command before
	column int    // where up and down want to be, in cells; -1: where the cursor is
	killed string // what yank gives
	undo   []buffer
	prefix bool // Ctrl-X was pressed

	recalled int            // index in the history; its length: the text that was not sent yet
	drafts   map[int]buffer // texts that were left by up and down, by that index
	search   *search        // nil unless Ctrl-R was pressed

	rows rows
	top  int // the first row shown
}

// New gives an editor of empty text. prompt stands before the first row, more before the first row of each further
// line; both are text without escapes. Turns that are taken go to history.
func New(prompt, more string, history *History) *Editor {
	e := &Editor{Width: 80, Height: 24, prompt: prompt, more: more, history: history}
	e.clear()
	return e
}

func (e *Editor) clear() {
	e.buffer, e.last, e.column = buffer{}, other, -1
	e.undo, e.prefix, e.search, e.top = nil, false, nil, 0
	e.recalled, e.drafts = len(e.history.turns), map[int]buffer{}
}

// Text is the text as it stands, with line breaks \n.
func (e *Editor) Text() string { return e.text }

// Set replaces the text, as after $EDITOR; the cursor goes to its end.
func (e *Editor) Set(t Turn) {
	e.clear()
	e.buffer = of(t)
}

func of(t Turn) buffer {
	b := buffer{}
	b.insert(clean(t.Text), !t.Pasted)
	return b
}

// Take gives what was submitted, puts it into the history, and leaves the editor empty. An error is the history's: the
// turn is whole.
func (e *Editor) Take() (Turn, error) {
	t := Turn{Text: e.text, Pasted: e.typed == 0 && e.text != ""}
	if e.inBlock() {
		t = Turn{Text: unquote(e.text), Pasted: true}
	}
	var err error
	if strings.TrimSpace(t.Text) != "" {
		err = e.history.Add(t)
	}
	e.clear()
	return t, err
}

// quotes open a block, in which Enter makes a new line, and close it.
const quotes = `"""`

func (e *Editor) inBlock() bool { return e.typed >= len(quotes) && strings.HasPrefix(e.text, quotes) }

// blockEnds reports whether the cursor is behind quotes that close the block. The end of a paste, Python's say, doesn't.
func (e *Editor) blockEnds() bool {
	return e.cursor == len(e.text) && e.last != pasting && len(e.text) >= 2*len(quotes) && strings.HasSuffix(e.text, quotes)
}

func unquote(text string) string {
	text = strings.TrimSuffix(strings.TrimPrefix(text, quotes), quotes)
	return strings.TrimSuffix(strings.TrimPrefix(text, "\n"), "\n")
}

// enter submits, or makes a new line in a block and after a backslash that was typed.
func (e *Editor) enter() Event {
	switch {
	case e.inBlock() && !e.blockEnds():
		e.insert("\n", true)
		return Changed
	case !e.inBlock() && e.last != pasting && e.cursor == e.lineEnd(e.cursor) && strings.HasSuffix(e.text[:e.cursor], `\`):
		e.remove(e.cursor-1, e.cursor)
		e.insert("\n", true)
		return Changed
	}
	e.cursor = len(e.text)
	return Submitted
}

// up and down go to the next row, beyond the first and the last to other turns of the history.
func (e *Editor) up() Event {
	if e.moveRows(-1) == Changed {
		return Changed
	}
	return e.recall(e.recalled - 1)
}

func (e *Editor) down() Event {
	if e.moveRows(1) == Changed {
		return Changed
	}
	return e.recall(e.recalled + 1)
}

// recall shows turn i of the history as it was left, behind the last one the text that was not sent yet.
func (e *Editor) recall(i int) Event {
	turns := e.history.turns
	if i < 0 || i > len(turns) {
		return Ignored
	}
	e.drafts[e.recalled] = e.buffer
	b, left := e.drafts[i]
	if !left {
		b = of(turns[i])
	}
	b.cursor = len(b.text)
	e.buffer, e.recalled, e.column, e.undo = b, i, -1, nil
	return Changed
}
