package tokenize

import "strings"

// trie finds the longest of a set of strings at the start of a text. The sets
// are small (control pieces, user-defined pieces), so nodes hold their
// children as linked siblings; only the root has a table.
type trie struct {
	blanks bool       // U+2581 and a blank are the same
	starts [256]bool  // bytes that a match can begin with
	root   [256]int32 // first byte → node, 0: none
	nodes  []trieNode // nodes[0] is unused
}

type trieNode struct {
	label       byte
	id          int32 // piece that ends here, -1: none
	child, next int32 // first child, next sibling; 0: none
}

func newTrie(blanks bool) *trie {
	return &trie{blanks: blanks, nodes: make([]trieNode, 1)}
}

// add puts text (not empty) into the set.
func (t *trie) add(text string, id int32) {
	if t.blanks {
		text = strings.ReplaceAll(text, space, " ")
		t.starts[space[0]] = t.starts[space[0]] || text[0] == ' '
	}
	t.starts[text[0]] = true
	at := t.root[text[0]]
	if at == 0 {
		at = t.newNode(text[0])
		t.root[text[0]] = at
	}
	for i := 1; i < len(text); i++ {
		c := t.find(at, text[i])
		if c == 0 {
			c = t.newNode(text[i])
			t.nodes[c].next = t.nodes[at].child
			t.nodes[at].child = c
		}
		at = c
	}
	t.nodes[at].id = id
}

func (t *trie) newNode(label byte) int32 {
	t.nodes = append(t.nodes, trieNode{label: label, id: -1})
	return int32(len(t.nodes) - 1)
}

func (t *trie) find(parent int32, label byte) int32 {
	c := t.nodes[parent].child
	for c != 0 && t.nodes[c].label != label {
		c = t.nodes[c].next
	}
	return c
}

func (t *trie) empty() bool { return len(t.nodes) == 1 }

// longest returns the longest string of the set that text begins with: its id
// and length in bytes, or -1 and 0.
func (t *trie) longest(text string) (id int32, n int) {
	id = -1
	at := int32(0)
	for i := 0; i < len(text); {
		label, size := text[i], 1
		if t.blanks && label == space[0] && strings.HasPrefix(text[i:], space) {
			label, size = ' ', len(space)
		}
		if i == 0 {
			at = t.root[label]
		} else {
			at = t.find(at, label)
		}
		if at == 0 {
			break
		}
		i += size
		if t.nodes[at].id >= 0 {
			id, n = t.nodes[at].id, i
		}
	}
	return id, n
}
