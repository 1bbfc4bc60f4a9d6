// Package terminal is a chat's terminal: it decodes what is typed and pasted for an edit.Editor, draws what the
// editor lays out, and sees to it that the terminal's modes are the user's own whenever another program has it.
//
// A Terminal has three modes. Between Open and Close it is quiet: nothing that is typed is shown or lost, it waits for
// the next Read, and Ctrl-C and Ctrl-Z are signals. While Read runs every key is the editor's. Elsewhere (before Open,
// after Close, while stopped, while $EDITOR runs) the modes are those that Open found.
package terminal
