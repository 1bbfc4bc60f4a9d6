package edit

// Key is a key press, or a piece of pasted text.
type Key struct {
	Code Code
	Rune rune   // of Char
	Mods Mods   // without Shift of Char: Rune says that
	Text string // of Paste: any text, as the terminal sent it
}

// Code tells the keys that are no character.
type Code uint8

const (
	Char Code = iota // Rune; Ctrl-A is Rune 'a' with Ctrl
	Paste
	Enter
	Tab
	Backspace
	Delete
	Escape
	Left
	Right
	Up
	Down
	Home
	End
	PageUp
	PageDown
)

// Mods are the modifiers held with a key.
type Mods uint8

const (
	Alt Mods = 1 << iota
	Ctrl
	Shift
)

// Event is what is to be done after a key.
type Event uint8

const (
	Ignored     Event = iota // the key means nothing here; nothing changed
	Changed                  // draw again
	Submitted                // Editor.Take gives the turn
	Interrupted              // Ctrl-C
	Ended                    // Ctrl-D on an empty text
	Suspend                  // Ctrl-Z
	Clear                    // Ctrl-L: clear the screen and draw again
	External                 // Ctrl-X Ctrl-E: edit Editor.Text in $EDITOR, then Editor.Set
)

// Turn is what was entered.
type Turn struct {
	Text string `json:"text"`
	// Pasted: the beginning of the text was not typed but pasted, written in a block or in $EDITOR, so that a
	// slash there begins no command.
	Pasted bool `json:"pasted,omitempty"`
}
