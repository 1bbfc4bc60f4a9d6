package main

import (
	"strings"
	"testing"

	"sealvk/vk"
)

// In an answer the device is lost: it goes on, and nothing is shown twice or forgotten.
func TestChatRemembersEarlierTurns(t *testing.T) {
	for _, g := range readGreedy(t) {
		if g.N != 35 { // a name, told and asked for
			continue
		}
		// The golden conversation's own answer must come out of the model too.
		told, asked := g.Messages[0].Content, g.Messages[2].Content
		remembered := g.Messages[1].Content + "\n" + g.Q4KM.Text + "\n"
		lost := false
		o := faulty(told+"\n\n"+asked+"\n/clear\n"+asked, func(op vk.Op, out int) bool {
			now := !lost && op == vk.OpWait && out > len(g.Messages[1].Content)+5
			lost = lost || now
			return now
		}, "chat", "--temp", "0", "--validate")
		if o.code != 0 || !lost || strings.Count(o.stderr, "the device was lost (") != 1 {
			t.Errorf("%+v", o)
		}
		if rest, ok := strings.CutPrefix(o.stdout, remembered); !ok || strings.Contains(rest, g.Q4KM.Text) {
			t.Errorf("%q, want %q and then an answer that does not know the name", o.stdout, remembered)
		}
		return
	}
	t.Fatal("the golden conversation is missing")
}

func TestChatAnswersAsTheReference(t *testing.T) {
	var lines, want strings.Builder
	for _, g := range readGreedy(t) {
		if len(g.Messages) == 1 && g.Q4KM.StoppedEOS && g.N >= 12 && g.N%3 == 0 {
			lines.WriteString("/clear\n" + g.Messages[0].Content + "\n")
			want.WriteString(g.Q4KM.Text + "\n")
		}
	}
	if out := mustOnDevice(t, lines.String(), "chat", "--temp", "0"); out != want.String() || strings.Count(lines.String(), "/clear") < 8 {
		t.Errorf("%q gave %q, want %q", lines.String(), out, want.String())
	}
}

func TestChatReusesTheCache(t *testing.T) {
	o := onDevice(t, "Hello!\n/stats\n"+thailand+"\n/stats\n", "chat", "--temp", "0")
	if o.code != 0 || !strings.HasSuffix(o.stdout, bangkok) || strings.Count(o.stderr, "cached)") != 1 {
		t.Errorf("%+v", o)
	}
}

func TestChatCommands(t *testing.T) {
	o := onDevice(t, strings.Join([]string{
		"/stats", "/help", "/system", "/system You are terse.", "/system", "/system -", "/system", "/frob it",
		" /help", "/context", "/exit", "never read",
	}, "\n"), "chat", "--temp", "0", "-n", "3")
	if o.code != 0 || strings.Count(o.stdout, "\n") != 2 {
		t.Errorf("exit code %d, stdout %q: want two answers", o.code, o.stdout)
	}
	rest := o.stderr
	for _, part := range []string{
		"Nothing was answered yet", "/clear", "There is no system prompt", "new conversation", "The system prompt is: You are terse.",
		"new conversation", "There is no system prompt", " turn 1\n", " answer 1\n", " turn 2\n", " answer 2\n", "of the template around them",
	} {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Fatalf("stderr does not tell %q in its turn:\n%s", part, o.stderr)
		}
		rest = after
	}
}

func TestChatSystemPromptReachesTheModel(t *testing.T) {
	for _, g := range readGreedy(t) {
		if len(g.Messages) != 2 || g.Messages[0].Role != "system" {
			continue
		}
		system, user := g.Messages[0].Content, g.Messages[1].Content
		for _, o := range []outcome{
			onDevice(t, "", "chat", "--temp", "0", "--system", system, "-v", user),
			onDevice(t, "/system "+system+"\n"+user, "chat", "--temp", "0", "-v"),
		} {
			if o.code != 0 || o.stdout != g.Q4KM.Text+"\n" {
				t.Errorf("%q: %+v, want %q", system, o, g.Q4KM.Text)
			}
		}
		return
	}
	t.Fatal("no golden conversation has a system prompt")
}

func TestChatWhenTheContextIsFull(t *testing.T) {
	o := onDevice(t, "Tell me a story about a turtle.\nWhat happened then?\n/clear\nHello!\n", "chat", "--temp", "0", "--ctx", "64")
	cut, refused := strings.Index(o.stderr, "the answer was cut: the context of 64 tokens is full; /set overflow shift"), strings.Index(o.stderr, "the context holds 64: /set overflow shift")
	if cut < 0 || refused < cut {
		t.Errorf("stderr:\n%s", o.stderr)
	}
	if o.code != 1 || !strings.HasSuffix(o.stdout, "\nHello! How can I help you today?\n") {
		t.Errorf("exit code %d, stdout %q", o.code, o.stdout)
	}
}

func TestChatLineThatIsNotText(t *testing.T) {
	o := onDevice(t, byteOrderMark+"a\xff\nHello!\n", "chat", "--temp", "0") // the mark is no part of the line
	if o.code != 1 || o.stdout != "Hello! How can I help you today?\n" || !strings.Contains(o.stderr, "not UTF-8 text: byte 1") {
		t.Errorf("%+v", o)
	}
}
