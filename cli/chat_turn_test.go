package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/text/unicode/norm"

	"sealvk/cli/chats"
	"sealvk/prompt"
	"sealvk/tokenize"
	"sealvk/weights"
)

// offers are lines that nobody types; they keep what is offered.
type offers []string

func (*offers) next(string) (turn, error) { return turn{}, io.EOF }
func (o *offers) offer(text string)       { *o = append(*o, text) }
func (*offers) edit(string) error         { return nil }
func (*offers) close()                    {}

// talk is a chat with the demo, of so many positions, as at a terminal, greedy; said is what it tells on standard error.
func talk(t *testing.T, positions uint64) (c *chat, offered *offers, said *bytes.Buffer) {
	t.Helper()
	o := openDemo(t, positions)
	o.template = prompt.SeaLLM
	f := newChatFlags()
	f.given = func(string) bool { return false }
	f.sampling.temperature.value = 0
	offered, said = new(offers), new(bytes.Buffer)
	p := &program{stdout: &output{w: io.Discard}, stderr: said}
	return &chat{program: p, flags: f, opened: o, lines: offered, interactive: true, signals: make(chan os.Signal, 2)}, offered, said
}

// say has the chat hear a line that is typed.
func say(t *testing.T, c *chat, line string) {
	t.Helper()
	if leave, err := c.said(turn{line, true}); leave || err != nil {
		t.Fatalf("%q: leave %v, %v", line, leave, err)
	}
}

// spoken is the conversation's texts.
func spoken(c *chat) (texts []string) {
	for _, m := range c.conversation.Messages {
		texts = append(texts, m.Content)
	}
	return texts
}

const greeting = "Hello! How can I help you today?"

func TestChatTakesBack(t *testing.T) {
	c, offered, said := talk(t, 256)
	wantSpoken := func(want ...string) {
		t.Helper()
		if got := spoken(c); !slices.Equal(got, want) {
			t.Errorf("the conversation is %q, want %q", got, want)
		}
	}
	for _, line := range []string{"/undo", "/regen", "/retry Hello!"} {
		if _, err := c.said(turn{line, true}); err != nil || !strings.HasSuffix(said.String(), "nothing was said yet\n") {
			t.Errorf("%s at first: %v, %q", line, err, said.String())
		}
	}
	wantSpoken()
	say(t, c, "Hello!")
	wantSpoken("Hello!", greeting)
	answer := c.conversation.Messages[1]
	if answer.FinishReason != "stop" || answer.Usage == nil || answer.Usage.Prompt == 0 || answer.Usage.Completion != len(c.last.Tokens) ||
		answer.Timing == nil || answer.Timing.First <= 0 || answer.Timing.Total < answer.Timing.First || answer.Created.IsZero() {
		t.Errorf("the record of the answer is %+v", answer)
	}

	for _, line := range []string{"/set temp 50", "/set top-p 1", "/set min-p 0"} { // anything may come
		say(t, c, line)
	}
	say(t, c, "/set n 3")
	say(t, c, "/regen")
	first := c.conversation.Messages[1].Content
	say(t, c, "/regen")
	if second := c.conversation.Messages[1].Content; first == second {
		t.Errorf("two draws gave %q", first)
	}
	turns := c.conversation.Messages[0]
	if b := c.conversation.Branches; len(b) != 2 || b[0].Content != greeting || b[1].Content != first || b[0].Parent != turns.ID || b[1].Parent != turns.ID {
		t.Errorf("after two /regen the other versions are %+v", b)
	}

	say(t, c, "/set temp 0")
	say(t, c, "/retry What is the capital of Thailand?")
	wantSpoken("What is the capital of Thailand?", "The capital of")
	if reason := c.conversation.Messages[1].FinishReason; reason != "length" {
		t.Errorf("an answer of 3 tokens ended with %q", reason)
	}
	if b := c.conversation.Branches; len(b) != 4 || b[2].Content != "Hello!" || b[2].Parent != "" || b[3].Parent != b[2].ID {
		t.Errorf("after /retry the other versions are %+v", b)
	}
	say(t, c, "/retry")
	if !strings.HasSuffix(said.String(), "/regen answers that again\n") {
		t.Errorf("/retry without a text: %q", said.String())
	}
	say(t, c, "/undo")
	wantSpoken()
	if !slices.Equal(*offered, offers{"What is the capital of Thailand?"}) {
		t.Errorf("/undo offers %q", *offered)
	}

	say(t, c, "/frob it") // is offered again, and then a turn; what is pasted is a turn at once
	wantSpoken()
	if (*offered)[1] != "/frob it" || !strings.Contains(said.String(), "There is no command /frob;") {
		t.Errorf("offered %q, said %q", *offered, said.String())
	}
	say(t, c, "/frob it")
	if _, err := c.said(turn{"/help", false}); err != nil {
		t.Fatal(err)
	}
	if got := spoken(c); len(got) != 4 || got[0] != "/frob it" || got[2] != "/help" {
		t.Errorf("%q", got)
	}

	say(t, c, "/clear")
	c.signals <- os.Interrupt // before there is an answer: the turn is not lost, but not said either
	say(t, c, "Hello!")
	wantSpoken()
	if (*offered)[2] != "Hello!" || c.interrupts != 1 || !strings.HasSuffix(said.String(), "(stopped; Ctrl-C again leaves)\n") {
		t.Errorf("stopped: offered %q, %d interrupts, %q", *offered, c.interrupts, said.String())
	}
	c.interrupts = 0
	c.signals <- os.Interrupt // while $EDITOR has the terminal
	c.signals <- os.Interrupt
	say(t, c, "/edit")
	if len(c.signals) != 0 {
		t.Error("what interrupted the editor interrupts the chat")
	}
	c.signals <- syscall.SIGHUP
	if leave, err := c.said(turn{"/edit", true}); !leave || !errors.Is(err, stoppedError{syscall.SIGHUP}) {
		t.Errorf("hung up in the editor: leave %v, %v", leave, err)
	}
	c.signals <- syscall.SIGHUP
	if _, err := c.said(turn{"Hello!", true}); !errors.Is(err, stoppedError{syscall.SIGHUP}) || stopCode(err) != 129 {
		t.Errorf("hung up: %v", err)
	}
	wantSpoken("Hello!", "")
	if reason := c.conversation.Messages[1].FinishReason; reason != "stopped" {
		t.Errorf("hung up: the answer ended with %q", reason)
	}
	// As nohup has it, and as it is without.
	if hears := slices.Contains(chatSignals(), os.Signal(syscall.SIGHUP)); hears == signal.Ignored(syscall.SIGHUP) {
		t.Errorf("a chat hears of its terminal's end: %v", hears)
	}
}

// stopCode is the exit code of a program that a signal stopped, 0 of others.
func stopCode(err error) int {
	var stopped stoppedError
	if !errors.As(err, &stopped) {
		return 0
	}
	return stopped.code()
}

// What /context tells adds up, and what it tells of the cache is what the next turn finds there.
func TestChatContext(t *testing.T) {
	c, _, said := talk(t, 512)
	say(t, c, "/context")
	say(t, c, "/system You are terse.")
	say(t, c, "/set n 3")
	greeted(c, listedTurns+1)
	say(t, c, "Hello!")
	said.Reset()
	say(t, c, "/context")
	var used, size, sum, cached int
	first, rest, _ := strings.Cut(said.String(), "\n")
	if _, err := fmt.Sscanf(first, "context: %d of %d tokens", &used, &size); err != nil || size != 512 {
		t.Errorf("%v: %q", err, first)
	}
	for line := range strings.Lines(rest) {
		if n, ok := strings.CutSuffix(line, " tokens are cached; the others are computed with the next turn.\n"); ok {
			cached, _ = strconv.Atoi(n)
			continue
		}
		n, err := strconv.Atoi(strings.Fields(line)[0])
		if err != nil {
			t.Errorf("%v in %q", err, line)
		}
		sum += n
	}
	if sum != size || used == 0 || cached != c.conversation.Messages[len(c.conversation.Messages)-1].Usage.Prompt {
		t.Errorf("the parts are %d of %d tokens, %d used, %d cached:\n%s", sum, size, used, cached, said.String())
	}
	for _, part := range []string{" system prompt\n", " turns and answers 1 to 2\n", " turn 3\n", " answer 12\n"} {
		if !strings.Contains(rest, part) {
			t.Errorf("there is no %q:\n%s", part, rest)
		}
	}
	say(t, c, "Hello!")
	if c.last.CachedTokens != cached {
		t.Errorf("%d tokens were cached, /context said %d", c.last.CachedTokens, cached)
	}
}

func TestTemplatesWithoutASystemPrompt(t *testing.T) {
	file, err := weights.Parse(nanoName, nanoGGUF)
	if err != nil {
		t.Fatal(err)
	}
	o := &opened{file: file}
	if o.tokenizer, err = tokenizerOf(file, tokenize.Marks{}); err != nil {
		t.Fatal(err)
	}
	const turns = `{{ m.content }}{% endif %}{% endfor %}`
	for name, c := range map[string]struct{ source, says string }{
		"takes it":   {`{% for m in messages %}{% if true %}` + turns, ""},
		"refuses it": {`{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% else %}` + turns, "refuses a system prompt: put it into the first turn"},
		"drops it":   {`{% for m in messages %}{% if m.role != 'system' %}` + turns, "leaves a system prompt out: put it into the first turn"},
	} {
		if o.template, err = prompt.Compile(name, c.source); err != nil {
			t.Fatal(err)
		}
		err = o.checkSystem("Be terse.")
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("a template that %s: %v, want %q", name, err, c.says)
		}
		if err := o.checkSystem(""); err != nil {
			t.Errorf("a template that %s, without a system prompt: %v", name, err)
		}
	}
	p, said := &program{stdout: &output{w: io.Discard}}, new(bytes.Buffer)
	p.stderr = said
	c := &chat{program: p, opened: o, conversation: chats.Chat{System: "Be kind."}}
	o.template, _ = prompt.Compile("refuses it", `{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}{{ m.content }}{% endfor %}`)
	say(t, c, "/system Be terse.")
	if c.conversation.System != "Be kind." || !strings.Contains(said.String(), "put it into the first turn") {
		t.Errorf("%q, and the system prompt is %q", said.String(), c.conversation.System)
	}
}

func TestChatTellsOfDecomposedText(t *testing.T) {
	c, _, told := talk(t, 256)
	say(t, c, strings.Repeat(norm.NFD.String("rất đẹp "), 256))
	if text := told.String(); !strings.Contains(text, "decomposed letters") || !strings.Contains(text, "the context holds 256") || len(c.conversation.Messages) > 0 {
		t.Errorf("%q, and %q was said", text, spoken(c))
	}
}
