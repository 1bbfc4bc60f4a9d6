//go:build unix

package terminal_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sealvk/cli/edit"
	"sealvk/cli/terminal"
	"sealvk/cli/terminal/screen"
)

// asProgram makes the test binary a program that reads turns from its terminal until they end. What it is given is
// "reflows" where the terminal does so.
const asProgram = "SEALVK_TEST_AS_TERMINAL_PROGRAM"

func TestMain(m *testing.M) {
	if reflows, ok := os.LookupEnv(asProgram); ok {
		if err := program(reflows == "reflows"); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func program(reflows bool) (err error) {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	t, err := terminal.Open(os.Stdin, os.Stdout, reflows)
	if err != nil {
		return err
	}
	defer func() {
		if closed := t.Close(); err == nil {
			err = closed
		}
	}()
	history := new(edit.History)
	e := edit.New("> ", "  ", history)
	for {
		event, err := t.Read(e)
		if err != nil {
			return err
		}
		switch event {
		case edit.Submitted:
			turn, err := e.Take()
			if err != nil {
				return err
			}
			if turn.Text == "answer" {
				fmt.Println("answering")
				<-interrupts
				fmt.Println("stopped")
				continue
			}
			if len(turn.Text) > 200 {
				turn.Text = fmt.Sprintf("%d bytes", len(turn.Text))
			}
			fmt.Printf("turn %q, pasted %v\n", turn.Text, turn.Pasted)
		case edit.Interrupted:
			fmt.Println("interrupted")
			e.Set(edit.Turn{})
		case edit.External:
			text, err := t.Edit(context.Background(), []string{"sh", "-c", `stat -c "mode %a" "$0"; stty -a | grep -o ' icanon'; echo and more >> "$0"`}, e.Text())
			if err != nil {
				return err
			}
			e.Set(edit.Turn{Text: text, Pasted: true})
		case edit.Ended:
			fmt.Println("ended")
			return nil
		}
	}
}

// open runs the program in a terminal.
func open(t *testing.T, cols, rows int) *screen.Screen {
	s := screen.New(t, cols, rows)
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), asProgram+"=")
	before := s.Modes()
	s.Start(c)
	t.Cleanup(func() {
		if !t.Failed() {
			s.Type("\x15\x04") // Ctrl-U, Ctrl-D
			s.WaitFor("ended")
		} else if err := c.Process.Kill(); err != nil {
			t.Error(err)
		}
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
		if s.Modes() != before {
			t.Error("the terminal's modes are not what they were")
		}
	})
	s.WaitAt(">", 2)
	return s
}

func TestEditedTextIsShown(t *testing.T) {
	s := open(t, 60, 10)
	const family, thailand = "👨‍👩‍👧‍👦", "🇹🇭"
	for _, c := range []struct {
		sent, row string
		col       int
	}{
		{"ที่ค่ะ", "> ที่ค่ะ", 5},
		{"\x7f\x7f\x7f", "> ที่", 3},
		{"\x7f", "> ที", 3},
		{"\x7f", "> ท", 3},
		{"\x15ខ្ញុំ", "> ខ្ញុំ", 3},
		{"\x7f", "> ខ្ញុ", 3},
		{"\x7f\x7f", "> ខ", 3},
		{"\x15a" + family + thailand + "👍🏽b", "> a" + family + thailand + "👍🏽b", 10},
		{"\x1b[D\x1b[D\x7f", "> a" + family + "👍🏽b", 5},
		{"\x7f", "> a👍🏽b", 3},
		{"ñ한", "> añ한👍🏽b", 6},
		{"\x01\x1b[3~\x1b[F\x1b[1;5D\x1b[C", "> ñ한👍🏽b", 8},
		{"\x1b[200~\tx\x1b[201~", "> ñ한👍🏽b  x", 11},
		{"\x15\x1b\rsecond\n\"third", "  \"third", 8},
		{"\x1b[A\x1b[A", ">", 2},
		{"first", "> first", 7},
	} {
		s.Type(c.sent)
		s.WaitAt(c.row, c.col)
	}
	s.Type("\r")
	v := s.WaitFor(`turn "first\nsecond\n\"third", pasted false`)
	if want := "> first\n  second\n  \"third\nturn"; !strings.HasPrefix(v.Text(), want) {
		t.Errorf("%q, want %q", v.Text(), want)
	}
	s.Type("\x1b[A")
	s.WaitAt("  \"third", 8)
	s.Type("\x12FIR") // Ctrl-R
	s.WaitAt("search FIR: first", 12)
	s.Type("\r")
	s.WaitAt("> first", 2)
	s.Type("\r")
	s.Wait("the turn again", func(v screen.View) bool { return strings.Count(v.Text(), `turn "first`) == 2 })
	s.Type("\x0c")
	s.Wait("an empty screen", func(v screen.View) bool { return v.Text() == ">" && v.Row == 0 })
	s.Type("lost\x03")
	s.WaitFor("interrupted\n>")
}

func TestPastesAreOneTurn(t *testing.T) {
	s := open(t, 60, 8)
	s.Paste("/exit\r\n\x1b[2J\x07and\tmore\n")
	s.WaitAt("", 2)
	s.Type("\r")
	s.WaitFor("and\\tmore\\n\", pasted true\n>")
	large := strings.Repeat("สวัสดี ครับ\n", 200<<10/32)
	go s.Paste(large) // more than the system holds
	v := s.Wait("where the text ends", func(v screen.View) bool { return v.Row == 7 && strings.Contains(v.Rows[1], "more lines above") })
	if !strings.Contains(v.Rows[2], "สวัสดี ครับ") {
		t.Errorf("the screen:\n%s", v.Text())
	}
	s.Type("\x1b[1;5H") // Ctrl-Home
	s.Wait("its beginning", func(v screen.View) bool {
		return v.Row == 1 && v.Last() == "> สวัสดี ครับ" && strings.Contains(v.Rows[len(v.Rows)-1], "more lines below")
	})
	s.Type("\r")
	s.WaitFor(fmt.Sprintf("%d bytes", len(large)))
	if n := len(s.Output()); n > 20_000 {
		t.Errorf("%d bytes were drawn", n)
	}
}

func TestTypedBeforeTheTerminalIsTaken(t *testing.T) {
	s := screen.New(t, 60, 10)
	s.Type("early\rlate")
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), asProgram+"=")
	s.Start(c)
	s.WaitFor("turn \"early\", pasted false\n> late")
	s.Type("\x15\x04")
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// A terminal that puts no brackets around pasted text: each line is a turn, and none is lost.
func TestPasteWithoutBrackets(t *testing.T) {
	s := open(t, 40, 30)
	var lines, want strings.Builder
	for i := range 9 {
		fmt.Fprintf(&lines, "line %d\r", i)
		fmt.Fprintf(&want, "> line %d\nturn \"line %d\", pasted false\n", i, i)
	}
	s.Type(lines.String())
	s.WaitFor(want.String() + ">")
}

func TestResize(t *testing.T) {
	s := open(t, 40, 10)
	s.Type("one\r")
	s.WaitFor("pasted false\n>")
	const text = "hello สวัสดีครับ ខ្ញុំ and 🇹🇭 words"
	s.Type(text)
	s.Type("\x1b[D\x1b[D")
	for _, cols := range []int{39, 20, 60, 11, 40} {
		s.Resize(cols, 10)
		v := s.Wait(fmt.Sprintf("%d columns", cols), func(v screen.View) bool {
			joined := ""
			for _, row := range v.Rows {
				if strings.HasPrefix(row, "> hello") {
					joined = "> "
				}
				if joined != "" {
					joined += row[2:]
				}
			}
			// A row's last blank is none on the screen.
			return strings.ReplaceAll(joined, " ", "") == ">"+strings.ReplaceAll(text, " ", "") && !strings.Contains(v.Last(), "hello") == (cols < 39)
		})
		if n := strings.Count(v.Text(), "hello"); n != 1 || !strings.HasPrefix(v.Rows[0], "> one") {
			t.Errorf("%d columns show:\n%s", cols, v.Text())
		}
	}
	s.Type("X\r")
	s.WaitFor("worXds")
}

func TestTypedWhileAnAnswerRuns(t *testing.T) {
	s := open(t, 40, 12)
	s.Type("answer\r")
	s.WaitFor("answering")
	s.Type("ab\x1b[Dค")
	s.Paste("1\n2")
	s.Type("\x03") // now a signal
	s.WaitFor("stopped\n> aค1\n  2b")
	s.Type("\r")
	v := s.WaitFor(`turn "aค1\n2b", pasted false`)
	if strings.Contains(v.Text(), "answering\nab") || strings.Contains(v.Text(), "^") {
		t.Errorf("what was typed is on the screen:\n%s", v.Text())
	}
	s.Type("answer\r")
	s.Wait("the answer", func(v screen.View) bool { return strings.HasSuffix(v.Text(), "answering") })
	s.Paste(strings.Repeat("long", 5000)) // more than the system holds
	s.Type("\x03")
	s.WaitFor("more lines above")
	s.Type("\r")
	s.WaitFor("20000 bytes")
}

func TestExternalEditor(t *testing.T) {
	s := open(t, 40, 12)
	s.Type("/draft\x18\x05") // Ctrl-X Ctrl-E
	s.WaitFor("mode 600\n icanon\n> /draft")
	s.WaitAt("  and more", 10)
	s.Type("\r")
	s.WaitFor(`turn "/draft\nand more", pasted true`)
}

// In a shell with job control: Ctrl-Z at the prompt and while an answer runs, fg, and a program that is killed.
func TestSuspend(t *testing.T) {
	s := screen.New(t, 60, 40)
	before := s.Modes()
	shell := exec.Command("sh", "-i")
	shell.Env = []string{"PS1=shell: ", "PROGRAM=" + os.Args[0], asProgram + "=", "PATH=" + os.Getenv("PATH")}
	s.Start(shell)
	end := func() { // sh ends with its terminal
		if err := unix.Kill(-shell.Process.Pid, unix.SIGKILL); err != nil {
			t.Error(err)
		}
		err := shell.Wait()
		_ = err // killed
	}
	defer end()
	s.WaitAt("shell:", 7)
	atShell := func(what string) {
		t.Helper()
		s.Wait("the shell after "+what, func(v screen.View) bool { return v.Last() == "shell:" && strings.Contains(v.Text(), what) })
		if s.Modes() != before {
			t.Errorf("%s: the terminal's modes are not what they were", what)
		}
	}
	s.Type("$PROGRAM\r")
	s.WaitAt(">", 2)
	s.Type("ที่1\x1b[D\x1a")
	atShell("Stopped")
	s.Type("echo typed$((1+1))\r")
	atShell("typed2")
	s.Type("fg\r")
	s.WaitAt("> ที่1", 3)
	s.Type("\x7fa\r")
	s.WaitFor(`turn "ทีa1"`)
	s.WaitAt(">", 2)
	s.Type("answer\r")
	s.WaitFor("answering")
	s.Type("b\x1a")
	s.Wait("the shell again", func(v screen.View) bool { return strings.Count(v.Text(), "Stopped") == 2 && v.Last() == "shell:" })
	atShell("answering")
	s.Type("fg\r")
	s.Wait("the program again", func(v screen.View) bool { return strings.HasSuffix(v.Text(), "fg\n${PROGRAM}") })
	s.Type("c\x03")
	s.WaitAt("> bc", 4)
	s.Type("\x15\x04")
	atShell("ended")
}
