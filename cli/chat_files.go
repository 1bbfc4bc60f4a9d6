package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"sealvk/cli/chats"
)

// chatFileFlags say where a chat comes from and is kept.
type chatFileFlags struct {
	save, load string
	resume     bool
	noHistory  bool
}

const categoryChats = "Chats:"

func (f *chatFileFlags) all() []cli.Flag {
	return []cli.Flag{
		toggleFlag(&f.resume, categoryChats, "continue", "go on with the newest chat"),
		fileFlag(&f.load, categoryChats, "load", "go on with `CHAT`: a file, as --save and the page make it, or the name of a chat that /save gave one"),
		fileFlag(&f.save, categoryChats, "save", "keep the chat in `FILE` too, written after each turn"),
		toggleFlag(&f.noHistory, categoryChats, "no-history", "keep neither this chat nor the lines typed in it"),
	}
}

// chatFiles is where a chat is kept: in the store of all chats, and in a file of the user's choice.
type chatFiles struct {
	store chats.Store
	auto  bool          // a chat is kept in the store, whether the user asks for it or not
	kept  *chats.File   // in the store, nil: not yet
	saved *chats.File   // of --save or /save FILE, nil: none
	from  string        // the file that the chat was loaded from, which it may therefore replace
	shown []chats.Entry // by /list, last
	told  bool          // that the chat could not be kept
}

// mostKept bounds the chats in the store that nobody named.
const mostKept = 1000

// openFiles finds what the flags name, before a model is loaded for it. The chat to go on with is nil where a new one
// begins. Without a terminal nothing is kept that no flag or command asks for.
func (c *chat) openFiles() (loaded *loadedChat, err error) {
	flags, f := &c.flags.files, &c.files
	if flags.resume && flags.load != "" {
		return nil, errors.New("--continue and --load: want one of them")
	}
	f.auto = !flags.noHistory && isTerminal(c.stdin) && isTerminal(c.stdout.w)
	switch state, err := stateFolder(); {
	case err == nil:
		f.store.Folder = filepath.Join(state, "chats")
	case flags.resume:
		return nil, err
	case f.auto:
		f.auto = false
		c.note("the chat is not kept: %s", oneLine(err))
	}
	switch {
	case flags.resume:
		loaded, err = f.newest(!flags.noHistory)
	case flags.load != "":
		loaded, err = f.find(flags.load, !flags.noHistory)
	}
	if err != nil {
		return nil, err
	}
	if loaded != nil {
		f.take(loaded)
	}
	if flags.save != "" {
		err = f.saveTo(expanded(flags.save))
	}
	return loaded, err
}

// take has what comes written where the loaded chat is.
func (f *chatFiles) take(loaded *loadedChat) {
	f.leave()
	f.kept, f.from = loaded.file, loaded.from
	f.auto = f.auto || loaded.held // a copy
}

// leave lets the chat's files go, for another chat.
func (f *chatFiles) leave() {
	for _, file := range []*chats.File{f.kept, f.saved} {
		if file != nil {
			file.Close()
		}
	}
	f.kept, f.saved, f.from = nil, nil, ""
}

// saveTo has the chat written to a file from now on. One that exists must be the chat's own.
func (f *chatFiles) saveTo(path string) error {
	if f.saved != nil && sameFile(f.saved.Path, path) {
		return nil
	}
	if err := checkOutput(path); err != nil {
		return err
	}
	file, err := chats.Hold(path)
	if err != nil {
		return err
	}
	if file.Exists() && !sameFile(f.from, path) {
		file.Close()
		return fmt.Errorf("%s exists already: choose another name, or go on with the chat in it by --load and --save", path)
	}
	if f.saved != nil {
		f.saved.Close()
	}
	f.saved = file
	return nil
}

func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// keepIn writes the chat to the store, where it may begin now.
func (f *chatFiles) keepIn(c *chats.Chat) (err error) {
	if f.kept == nil {
		if err := f.store.Clean(mostKept - 1); err != nil {
			return err
		}
		if f.kept, err = f.store.Create(time.Now()); err != nil {
			return err
		}
	}
	return f.kept.Write(c)
}

// keep writes the chat as it is now to where it is kept. A failure is told, once.
func (c *chat) keep() {
	f := &c.files
	c.conversation.Settings = c.flags.settings()
	var failed error
	if f.kept != nil || f.auto && len(c.conversation.Messages) > 0 {
		failed = f.keepIn(&c.conversation)
	}
	if f.saved != nil {
		failed = errors.Join(failed, f.saved.Write(&c.conversation))
	}
	if failed != nil && !f.told {
		c.note("the chat is not kept: %s", oneLine(failed))
	}
	f.told = failed != nil
}

// save is the command /save: shows where the chat is kept, names it, or has it written to a file too.
func (c *chat) save(to string) (leave bool, err error) {
	f := &c.files
	to = unquoted(to)
	c.conversation.Settings = c.flags.settings()
	switch {
	case len(c.conversation.Messages) == 0 && f.kept == nil:
		return false, errors.New("there is nothing to save yet")
	case to == "" && (f.kept != nil || f.saved == nil):
		err = f.keepIn(&c.conversation)
	case to != "" && namesFile(to):
		err = f.saveTo(expanded(to))
	case to != "":
		err = f.name(to, &c.conversation)
	}
	if err == nil && f.saved != nil {
		err = f.saved.Write(&c.conversation)
	}
	if err != nil {
		return false, err
	}
	if f.kept != nil {
		name := printable(chatName(f.kept.Path))
		fmt.Fprintf(c.stderr, "The chat is kept as %s: sealvk chat --load \"%s\" goes on with it.\n", name, name)
	}
	if f.saved != nil {
		fmt.Fprintf(c.stderr, "It is written to %s after each turn.\n", printable(f.saved.Path))
	}
	return false, nil
}

// name moves the chat to another name in the store.
func (f *chatFiles) name(name string, c *chats.Chat) error {
	if f.kept != nil && chatName(f.kept.Path) == name {
		return f.kept.Write(c)
	}
	if _, err := strconv.Atoi(name); err == nil {
		return fmt.Errorf("%s is a number, which /load takes for one of the list: choose another name", name)
	}
	file, err := f.store.Hold(name)
	if err == nil && file.Exists() {
		file.Close()
		err = fmt.Errorf("there is a chat %s already: choose another name", name)
	}
	if err != nil {
		return err
	}
	if err := file.Write(c); err != nil {
		file.Close()
		return err
	}
	old := f.kept
	f.kept = file
	if old != nil {
		return old.Remove()
	}
	return nil
}

// chatName is that of a file in the store.
func chatName(path string) string { return strings.TrimSuffix(filepath.Base(path), chats.Ending) }

// namesFile tells the name of a file from that of a chat in the store.
func namesFile(name string) bool {
	path, _, _ := strings.Cut(name, "#") // of one chat among several
	return strings.HasPrefix(name, "~") || strings.ContainsFunc(name, func(r rune) bool { return r < 0x80 && os.IsPathSeparator(uint8(r)) }) ||
		strings.EqualFold(filepath.Ext(path), chats.Ending)
}
