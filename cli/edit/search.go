package edit

import (
	"regexp"
	"strings"

	"sealvk/cli/cells"
)

// search is Ctrl-R: while its query is typed it shows the newest turn of the history that has it.
type search struct {
	query  string
	at     int    // the turn's index; the history's length while none was found yet
	found  buffer // that turn, the cursor where the query is; before one was found the draft
	draft  buffer // what the editor held
	failed bool   // no older turn, or newer one, has the query
}

const maxQuery = 1000 // bytes

func (e *Editor) startSearch() Event {
	e.search = &search{at: len(e.history.turns), found: e.buffer, draft: e.buffer}
	return Changed
}

// prompt is what stands before the turn found, in about width cells: of a long query the end.
func (s *search) prompt(width int) string {
	query := s.query
	for over := cells.Width(query) - max(width-10, 8); over > 0; {
		cluster, w := cells.Next(query)
		query, over = query[len(cluster):], over-w
	}
	if s.failed {
		return "no " + query + ": "
	}
	return "search " + query + ": "
}

// searchKey is Press during a search; it is over where k takes the turn and means something for it, too.
func (e *Editor) searchKey(k Key) (ev Event, over bool) {
	s := e.search
	switch {
	case k.Code == Paste, k.Code == Char && k.Mods == 0:
		text := k.Text
		if k.Code == Char {
			text = string(k.Rune)
		}
		line, _, _ := strings.Cut(clean(text), "\n")
		if len(s.query)+len(line) > maxQuery {
			return Ignored, false
		}
		s.query += line
		s.look(e.history.turns, s.at, -1)
	case k == Key{Code: Backspace}, k == Key{Rune: 'h', Mods: Ctrl}:
		b := buffer{text: s.query, cursor: len(s.query)}
		s.query = s.query[:len(s.query)-erased(s.query[b.before(b.cursor):])]
		s.look(e.history.turns, len(e.history.turns)-1, -1)
	case k == Key{Rune: 'r', Mods: Ctrl}:
		s.look(e.history.turns, s.at-1, -1)
	case k == Key{Rune: 's', Mods: Ctrl}:
		s.look(e.history.turns, s.at+1, 1)
	case k.Code == Escape, k == Key{Rune: 'g', Mods: Ctrl}, k == Key{Rune: 'c', Mods: Ctrl}:
		e.search = nil
	case k.Code == Enter, k.Code == Tab:
		e.takeFound()
	default:
		if _, known := e.command(k); !known {
			return Ignored, false
		}
		e.takeFound()
		return Changed, true
	}
	return Changed, false
}

func (e *Editor) takeFound() {
	s := e.search
	e.search = nil
	if s.at < len(e.history.turns) {
		e.recall(s.at)
		e.cursor = s.found.cursor
	}
}

// look finds the query in turn from, or the next one in that direction, upper case or lower.
func (s *search) look(turns []Turn, from, direction int) {
	if s.failed = false; s.query == "" {
		s.at, s.found = len(turns), s.draft
		return
	}
	query := regexp.MustCompile("(?i)" + regexp.QuoteMeta(s.query))
	for i := min(from, len(turns)-1); i >= 0 && i < len(turns); i += direction {
		if at := query.FindStringIndex(turns[i].Text); at != nil {
			s.at, s.found = i, of(turns[i])
			s.found.moveTo(at[0])
			return
		}
	}
	s.failed = true
}
