package engine

import "sync"

// Counters are what a model has done since Load.
type Counters struct {
	PromptTokens int64 // of the prompts of requests that have started
	Reused       int64 // of those, what the KV cache held, each time that an answer started
	Computed     int64 // tokens of prompts that were computed, again too
	Generated    int64 // tokens of answers
	Replayed     int64 // of those, what was computed again, behind a prompt that was
	PutBack      int64 // times that an answer lost its pages to others
	Steps        int64 // decode steps
}

// Pages are those of a model's KV cache, each of shaders.PageTokens positions.
type Pages struct {
	Total int
	Used  int // by answers and sessions
	Kept  int // by nobody, but they hold the beginnings of prompts that were computed
}

// counted is what any goroutine may read.
type counted struct {
	mu    sync.Mutex
	c     Counters
	pages Pages
}

func (n *counted) add(more Counters) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.c.Add(more)
}

// Add counts each field of more.
func (c *Counters) Add(more Counters) {
	c.PromptTokens += more.PromptTokens
	c.Reused += more.Reused
	c.Computed += more.Computed
	c.Generated += more.Generated
	c.Replayed += more.Replayed
	c.PutBack += more.PutBack
	c.Steps += more.Steps
}

// Counters tells what the model has done so far. It waits for nothing, and a closed model tells it too.
func (m *Model) Counters() Counters {
	m.counted.mu.Lock()
	defer m.counted.mu.Unlock()
	return m.counted.c
}

// Pages tells how the pages of the KV cache were used between the latest two steps. It waits for nothing.
func (m *Model) Pages() Pages {
	m.counted.mu.Lock()
	defer m.counted.mu.Unlock()
	return m.counted.pages
}

// tellPages notes how the pages are used.
func (m *Model) tellPages() {
	p := m.pool
	kept := p.kept.Len()
	m.counted.mu.Lock()
	defer m.counted.mu.Unlock()
	m.counted.pages = Pages{Total: len(p.pages), Used: len(p.pages) - len(p.free) - kept, Kept: kept}
}
