package edit

// kind is what the next command needs to know of the one before.
type kind uint8

const (
	other kind = iota
	typing
	pasting
	killing
	vertical // keeps the column that up and down want
	undoing
)

type command struct {
	kind kind
	do   func(*Editor) Event
}

// commands are the keys' meanings, those of readline and of desktop editors; characters and pastes have none here.
var commands = map[Key]command{
	{Code: Enter}:                  {other, (*Editor).enter},
	{Code: Enter, Mods: Alt}:       newLine,
	{Code: Enter, Mods: Shift}:     newLine,
	{Code: Enter, Mods: Ctrl}:      newLine,
	{Rune: 'j', Mods: Ctrl}:        newLine,
	{Code: Tab}:                    {typing, func(e *Editor) Event { e.insert("\t", true); return Changed }},
	{Code: Left}:                   moves((*Editor).left),
	{Code: Right}:                  moves((*Editor).right),
	{Rune: 'b', Mods: Ctrl}:        moves((*Editor).left),
	{Rune: 'f', Mods: Ctrl}:        moves((*Editor).right),
	{Code: Left, Mods: Ctrl}:       moves((*Editor).wordLeft),
	{Code: Right, Mods: Ctrl}:      moves((*Editor).wordRight),
	{Code: Left, Mods: Alt}:        moves((*Editor).wordLeft),
	{Code: Right, Mods: Alt}:       moves((*Editor).wordRight),
	{Rune: 'b', Mods: Alt}:         moves((*Editor).wordLeft),
	{Rune: 'f', Mods: Alt}:         moves((*Editor).wordRight),
	{Code: Home}:                   moves((*Editor).home),
	{Code: End}:                    moves((*Editor).end),
	{Rune: 'a', Mods: Ctrl}:        moves((*Editor).home),
	{Rune: 'e', Mods: Ctrl}:        moves((*Editor).end),
	{Code: Home, Mods: Ctrl}:       moves((*Editor).first),
	{Code: End, Mods: Ctrl}:        moves((*Editor).final),
	{Rune: '<', Mods: Alt}:         moves((*Editor).first),
	{Rune: '>', Mods: Alt}:         moves((*Editor).final),
	{Code: Up}:                     {vertical, (*Editor).up},
	{Code: Down}:                   {vertical, (*Editor).down},
	{Rune: 'p', Mods: Ctrl}:        {vertical, (*Editor).up},
	{Rune: 'n', Mods: Ctrl}:        {vertical, (*Editor).down},
	{Code: PageUp}:                 {vertical, func(e *Editor) Event { return e.moveRows(1 - e.Height) }},
	{Code: PageDown}:               {vertical, func(e *Editor) Event { return e.moveRows(e.Height - 1) }},
	{Code: Backspace}:              erases((*Editor).eraseStart, (*Editor).here),
	{Rune: 'h', Mods: Ctrl}:        erases((*Editor).eraseStart, (*Editor).here),
	{Code: Backspace, Mods: Shift}: erases((*Editor).eraseStart, (*Editor).here),
	{Code: Delete}:                 erases((*Editor).here, (*Editor).right),
	{Rune: 'd', Mods: Ctrl}:        {other, (*Editor).deleteOrEnd},
	{Rune: 'k', Mods: Ctrl}:        kills((*Editor).here, (*Editor).killEnd),
	{Rune: 'u', Mods: Ctrl}:        kills((*Editor).killStart, (*Editor).here),
	{Rune: 'w', Mods: Ctrl}:        kills((*Editor).wordLeft, (*Editor).here),
	{Code: Backspace, Mods: Alt}:   kills((*Editor).wordLeft, (*Editor).here),
	{Code: Backspace, Mods: Ctrl}:  kills((*Editor).wordLeft, (*Editor).here),
	{Rune: 'd', Mods: Alt}:         kills((*Editor).here, (*Editor).wordRight),
	{Code: Delete, Mods: Ctrl}:     kills((*Editor).here, (*Editor).wordRight),
	{Code: Delete, Mods: Alt}:      kills((*Editor).here, (*Editor).wordRight),
	{Rune: 'y', Mods: Ctrl}:        {other, func(e *Editor) Event { e.insert(e.killed, true); return Changed }},
	{Rune: '_', Mods: Ctrl}:        {undoing, (*Editor).undoLast},
	{Rune: 'r', Mods: Ctrl}:        {other, (*Editor).startSearch},
	{Rune: 'x', Mods: Ctrl}:        {other, func(e *Editor) Event { e.prefix = true; return Ignored }},
	{Rune: 'c', Mods: Ctrl}:        {other, func(*Editor) Event { return Interrupted }},
	{Rune: 'z', Mods: Ctrl}:        {other, func(*Editor) Event { return Suspend }},
	{Rune: 'l', Mods: Ctrl}:        {other, func(*Editor) Event { return Clear }},
}

var newLine = command{other, func(e *Editor) Event { e.insert("\n", true); return Changed }}

// A place is an offset that a command goes to, erases to, or kills to.
type place func(*Editor) int

func moves(to place) command {
	return command{other, func(e *Editor) Event { e.cursor = to(e); return Changed }}
}

func erases(from, to place) command {
	return command{other, func(e *Editor) Event { e.remove(from(e), to(e)); return Changed }}
}

// kills keep what they remove for yank; several in a row are one.
func kills(from, to place) command {
	return command{killing, func(e *Editor) Event {
		a, b := from(e), to(e)
		switch piece := e.text[a:b]; {
		case e.last != killing:
			e.killed = piece
		case a < e.cursor:
			e.killed = piece + e.killed
		default:
			e.killed += piece
		}
		e.remove(a, b)
		return Changed
	}}
}

func (e *Editor) here() int      { return e.cursor }
func (e *Editor) left() int      { return e.before(e.cursor) }
func (e *Editor) right() int     { return e.after(e.cursor) }
func (e *Editor) wordLeft() int  { return e.wordBefore(e.cursor) }
func (e *Editor) wordRight() int { return e.wordAfter(e.cursor) }
func (e *Editor) home() int      { return e.lineStart(e.cursor) }
func (e *Editor) end() int       { return e.lineEnd(e.cursor) }
func (e *Editor) first() int     { return 0 }
func (e *Editor) final() int     { return len(e.text) }

func (e *Editor) eraseStart() int {
	return e.cursor - erased(e.text[e.before(e.cursor):e.cursor])
}

// killStart and killEnd are the line's beginning and end; where the cursor is there, the break goes too.
func (e *Editor) killStart() int {
	if start := e.home(); start < e.cursor {
		return start
	}
	return e.left()
}

func (e *Editor) killEnd() int {
	if end := e.end(); end > e.cursor {
		return end
	}
	return e.right()
}

func (e *Editor) deleteOrEnd() Event {
	if e.text == "" {
		return Ended
	}
	e.remove(e.cursor, e.right())
	return Changed
}

// Press has the editor do what k means.
func (e *Editor) Press(k Key) Event {
	if e.search != nil {
		if ev, over := e.searchKey(k); !over {
			return ev
		}
	}
	c, known := e.command(k)
	e.prefix = false
	if !known {
		return Ignored
	}
	if c.kind != vertical {
		e.column = -1
	}
	was := e.buffer
	ev := c.do(e)
	if c.kind != undoing && c.kind != vertical && was.text != e.text && !(c.kind == typing && e.last == typing && k.Rune != ' ') {
		e.remember(was)
	}
	e.last = c.kind
	return ev
}

func (e *Editor) command(k Key) (command, bool) {
	switch {
	case k.Code == Paste:
		return command{pasting, func(e *Editor) Event { e.insert(clean(k.Text), false); return Changed }}, true
	case e.prefix:
		return command{other, func(*Editor) Event { return External }}, k == Key{Rune: 'e', Mods: Ctrl}
	case k.Code == Char && k.Mods == 0:
		text := clean(string(k.Rune))
		return command{typing, func(e *Editor) Event { e.insert(text, true); return Changed }}, text != ""
	}
	c, known := commands[k]
	return c, known
}

// Undo goes so far back: in texts, and in their bytes together.
const (
	maxUndo      = 200
	maxUndoBytes = 16 << 20
)

func (e *Editor) remember(b buffer) {
	e.undo = append(e.undo, b)
	size := 0
	for i := len(e.undo) - 1; i >= 0; i-- {
		if size += len(e.undo[i].text); size > maxUndoBytes || len(e.undo)-i > maxUndo {
			e.undo = e.undo[i+1:]
			return
		}
	}
}

func (e *Editor) undoLast() Event {
	n := len(e.undo) - 1
	if n < 0 {
		return Ignored
	}
	e.buffer, e.undo = e.undo[n], e.undo[:n]
	return Changed
}
