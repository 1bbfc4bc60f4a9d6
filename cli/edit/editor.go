package edit

// Editor holds the text that is being entered.
type Editor struct {
	// Width and Height are what the terminal gives, in cells; at most Height rows are laid out.
	Width, Height int
	prompt, more  string
	text          string
	history       *History
}

// New gives an editor of empty text. prompt stands before the first row, more before the first row of each further
// line; both are text without escapes. Turns that are taken go to history, which the caller keeps open.
func New(prompt, more string, history *History) *Editor {
	return &Editor{Width: 80, Height: 24, prompt: prompt, more: more, history: history}
}

// Press has the editor do what k means.
func (e *Editor) Press(k Key) Event { return Ignored }

// Text is the text as it stands, with line breaks \n.
func (e *Editor) Text() string { return e.text }

// Set replaces the text, as after $EDITOR; the cursor goes to its end.
func (e *Editor) Set(t Turn) { e.text = t.Text }

// Take gives what was submitted, puts it into the history, and leaves the editor empty. An error is the history's:
// the turn is whole.
func (e *Editor) Take() (Turn, error) { return Turn{Text: e.text}, nil }

// View is what is to be drawn.
type View struct {
	Rows []Row // at least one, at most Editor.Height
	// Row and Col are the cursor's place: a row of Rows, and its column in cells from 0, the row's prompt counted.
	Row, Col int
	// Offset is how many bytes of that row's Text stand before the cursor: a terminal whose widths are other ones
	// finds the place after drawing up to there.
	Offset int
	// Above and Below are how many rows of the text are not shown.
	Above, Below int
}

// Row is one row of a View, at most Editor.Width-1 cells wide: the last column is the cursor's. It holds no control
// character: tabs are spaces.
type Row struct {
	Prompt string
	Text   string
}

// Layout lays the text out.
func (e *Editor) Layout() View { return View{Rows: []Row{{Prompt: e.prompt}}} }
