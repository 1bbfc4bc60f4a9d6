package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"sealvk/cli/chats"
)

// loadedChat is a chat to go on with.
type loadedChat struct {
	chats.Chat
	file *chats.File // in the store, nil: what comes is kept in a file of its own
	from string      // the file that it was read from, and is all of
	held bool        // another chat writes that file
}

// newest is the chat of the store that was written last; hold is whether to go on writing it.
func (f *chatFiles) newest(hold bool) (*loadedChat, error) {
	all, err := f.store.List()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("there is no chat to continue yet")
	}
	return f.stored(all[0].Path, hold)
}

// find is the chat that a user names: a number that /list showed, a name in the store, or a file.
func (f *chatFiles) find(name string, hold bool) (*loadedChat, error) {
	if n, err := strconv.Atoi(name); err == nil {
		shown := f.shown
		if shown == nil {
			if shown, err = f.store.List(); err != nil {
				return nil, err
			}
		}
		if n < 1 || n > len(shown) {
			return nil, fmt.Errorf("there is no chat %d: /list has %d", n, len(shown))
		}
		return f.stored(shown[n-1].Path, hold)
	}
	if namesFile(name) {
		c, from, err := readChat(expanded(name))
		return &loadedChat{Chat: c, from: from}, err
	}
	all, err := f.store.List()
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		if e.Name == name {
			return f.stored(e.Path, hold)
		}
	}
	return nil, fmt.Errorf("there is no chat %s: /list shows them; a file's name ends in %s or has a folder, as in ./%s", name, chats.Ending, name)
}

// stored reads a chat of the store. Where another chat writes it, what comes here is kept in a copy.
func (f *chatFiles) stored(path string, hold bool) (*loadedChat, error) {
	loaded := &loadedChat{}
	var err error
	if hold {
		switch loaded.file, err = chats.Hold(path); { // before it is read, or it could change in between
		case errors.Is(err, chats.ErrHeld):
			loaded.held = true
		case err != nil:
			return nil, err
		}
	}
	if loaded.Chat, loaded.from, err = readChat(path); err != nil {
		if loaded.file != nil {
			loaded.file.Close()
		}
		return nil, err
	}
	return loaded, nil
}

// readChat reads a file with one chat, or the one of several that a number behind # names. The chat may replace the file
// from, "" where that has others too.
func readChat(name string) (c chats.Chat, from string, err error) {
	path, number := name, 0
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		at := strings.LastIndexByte(name, '#')
		if n, err := strconv.Atoi(name[at+1:]); at >= 0 && err == nil {
			path, number = name[:at], n
		}
	}
	all, err := chats.Read(path)
	switch {
	case err != nil:
		return c, "", err
	case number > len(all) || number < 0:
		return c, "", fmt.Errorf("%s has %s, not %d", path, counted(int64(len(all)), "chat"), number)
	case len(all) == 1:
		return all[0], path, nil
	case number > 0:
		return all[number-1], "", nil
	}
	const most = 5
	var titles []string
	for i, one := range all[:min(most, len(all))] {
		titles = append(titles, fmt.Sprintf("#%d %s", i+1, one.Heading()))
	}
	if len(all) > most {
		titles = append(titles, "…")
	}
	return c, "", fmt.Errorf("%s has %d chats: name one as in %s#1 (%s)", path, len(all), path, strings.Join(titles, ", "))
}

// load is the command /load.
func (c *chat) load(name string) (leave bool, err error) {
	if name = unquoted(name); name == "" {
		return false, errors.New("/load wants a chat's number or name, as /list shows them, or a file")
	}
	loaded, err := c.files.find(name, c.files.auto || c.files.kept != nil)
	if err != nil {
		return false, err
	}
	if loaded.held && c.files.kept != nil && sameFile(c.files.kept.Path, loaded.from) {
		return false, errors.New("that is this chat")
	}
	if err := c.goOn(loaded); err != nil {
		if loaded.file != nil {
			loaded.file.Close()
		}
		return false, err
	}
	c.files.take(loaded)
	return false, nil
}

// goOn has the conversation of a file, and says so.
func (c *chat) goOn(loaded *loadedChat) error {
	if err := c.opened.checkSystem(loaded.System); err != nil {
		return err
	}
	if err := c.flags.apply(loaded.Settings); err != nil {
		return err
	}
	model := c.conversation.Model
	c.conversation, c.last, c.attached = loaded.Chat, nil, nil
	c.conversation.Model = model
	fmt.Fprintf(c.stderr, "Going on with \"%s\": %s.\n", printable(loaded.Heading()), counted(int64(loaded.Turns()), "turn"))
	if loaded.Model != "" && loaded.Model != model {
		fmt.Fprintf(c.stderr, "It was with %s; %s answers now.\n", printable(loaded.Model), printable(model))
	}
	if loaded.held {
		fmt.Fprintln(c.stderr, "Another chat is writing it: what comes here is kept as a copy.")
	}
	if n := unanswered(c.conversation.Messages); n >= 0 {
		c.lines.offer(c.conversation.Messages[n].Content)
		c.conversation.Branch(n)
		fmt.Fprintln(c.stderr, "Its last turn had no answer, and was taken back.")
	}
	return nil
}

// unanswered is the index of a last turn that got no text for an answer, -1 if there is none.
func unanswered(messages []chats.Message) int {
	n := len(messages) - 1
	if n >= 0 && messages[n].Content == "" && slices.Contains([]string{"stopped", "lost"}, messages[n].FinishReason) {
		n--
	}
	if n >= 0 && messages[n].Role == chats.User {
		return n
	}
	return -1
}

// mostListed bounds what /list shows.
const mostListed = 20

// list is the command /list.
func (c *chat) list(all string) (leave bool, err error) {
	entries, err := c.files.store.List()
	if err != nil {
		return false, err
	}
	if len(entries) == 0 {
		fmt.Fprintln(c.stderr, "No chat is kept yet.")
		return false, nil
	}
	c.files.shown = entries
	if all != "all" {
		entries = entries[:min(mostListed, len(entries))]
	}
	for i, e := range entries {
		mark := " "
		if c.files.kept != nil && sameFile(c.files.kept.Path, e.Path) {
			mark = "*"
		}
		fmt.Fprintf(c.stderr, "%s%3d  %s  %s\n", mark, i+1, e.Changed.Format("2006-01-02 15:04"), described(&e))
	}
	if rest := len(c.files.shown) - len(entries); rest > 0 {
		fmt.Fprintf(c.stderr, "%s more: /list all\n", counted(int64(rest), "chat"))
	}
	return false, nil
}

// described is what a line of the list says of a chat, the title last: its width is anybody's guess.
func described(e *chats.Entry) string {
	read, err := chats.Read(e.Path)
	if err != nil {
		return printable(oneLine(err))
	}
	c := &read[0]
	title := c.Heading()
	if e.Named() {
		title = e.Name + ": " + title
	}
	return printable(fmt.Sprintf("%8s  %s  %s", counted(int64(c.Turns()), "turn"), c.Model, title))
}
