package engine

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"sealvk/shaders"
)

// pagePool is the pages of the KV cache, each PageTokens positions of one sequence in every layer.
// A page is free, in use by one or several sequences, or kept: nobody uses it, but the index has it.
//
// The index has full pages of prompts, by their tokens and all in front of them: another sequence
// whose prompt begins so reads the same pages. They are never written again. Pages of generated
// positions are never there, since their numbers are those of other kernels.
type pagePool struct {
	pages []page
	free  []uint32 // a stack
	index map[pageKey]uint32
	kept  list.List // of uint32, the one that was used longest ago in front
}

type page struct {
	users int
	key   pageKey
	found bool          // in the index, as key
	kept  *list.Element // unless it is free or has users
}

// pageKey stands for the tokens of a page and of all in front of it. No two prompts with the same
// key are known, or can be searched for, so nothing else is compared.
type pageKey [sha256.Size]byte

// pageKeys returns the keys of the full pages of ids.
func pageKeys(ids []int32) []pageKey {
	keys := make([]pageKey, len(ids)/shaders.PageTokens)
	var text [sha256.Size + 4*shaders.PageTokens]byte
	for i := range keys {
		for j, id := range ids[i*shaders.PageTokens:][:shaders.PageTokens] {
			binary.LittleEndian.PutUint32(text[sha256.Size+4*j:], uint32(id))
		}
		keys[i] = sha256.Sum256(text[:])
		copy(text[:], keys[i][:])
	}
	return keys
}

func newPagePool(pages int) *pagePool {
	p := &pagePool{pages: make([]page, pages), index: map[pageKey]uint32{}}
	for i := range pages {
		p.free = append(p.free, uint32(pages-1-i))
	}
	return p
}

// left is the pages that can be taken: what is kept gives way.
func (p *pagePool) left() int { return len(p.free) + p.kept.Len() }

// take returns up to n pages for one user: free ones, then those that are kept, oldest first.
func (p *pagePool) take(n int) []uint32 {
	taken := make([]uint32, 0, min(n, p.left()))
	for len(taken) < cap(taken) {
		var number uint32
		if top := len(p.free) - 1; top >= 0 {
			number, p.free = p.free[top], p.free[:top]
		} else {
			number = p.kept.Remove(p.kept.Front()).(uint32)
			delete(p.index, p.pages[number].key)
		}
		p.pages[number] = page{users: 1}
		taken = append(taken, number)
	}
	return taken
}

// has returns how many pages find would return, and how many of those are kept, which nobody can take then.
func (p *pagePool) has(keys []pageKey) (found, kept int) {
	for _, key := range keys {
		number, ok := p.index[key]
		if !ok {
			break
		}
		if found++; p.pages[number].users == 0 {
			kept++
		}
	}
	return found, kept
}

// find returns the pages that the index has of a prompt with these keys, without a gap from the
// first one on, and counts another user of each.
func (p *pagePool) find(keys []pageKey) (found []uint32) {
	for _, key := range keys {
		number, ok := p.index[key]
		if !ok {
			break
		}
		page := &p.pages[number]
		if page.users++; page.kept != nil {
			p.kept.Remove(page.kept)
			page.kept = nil
		}
		found = append(found, number)
	}
	return found
}

// publish adds pages to the index, whose positions prefill has computed and nobody writes again. Where
// the index has a page of the same tokens, that one stays.
func (p *pagePool) publish(pages []uint32, keys []pageKey) {
	for i, number := range pages {
		if _, ok := p.index[keys[i]]; !ok {
			p.index[keys[i]] = number
			p.pages[number].key, p.pages[number].found = keys[i], true
		}
	}
}

// give counts a user less of each page. What nobody uses any more is free, or kept if the index
// has it. Pages stand in the order of positions: those further behind are taken before those in
// front, without which nobody finds them.
func (p *pagePool) give(pages []uint32) {
	for _, number := range slices.Backward(pages) {
		page := &p.pages[number]
		switch page.users--; {
		case page.users > 0:
		case page.found:
			page.kept = p.kept.PushBack(number)
		default:
			p.free = append(p.free, number)
		}
	}
}

// pagesFor is the number of pages that hold the given positions.
func pagesFor(positions int) int {
	return (positions + shaders.PageTokens - 1) / shaders.PageTokens
}
