package shaders

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"sealvk/vk"
)

// h100Places is what matrix_places.comp would write there.
func h100Places(t *testing.T) (words []uint32) {
	f, err := os.Open("testdata/h100_matrix_places.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cols := uint32(0)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var use string
		var rows uint32
		if n, _ := fmt.Sscanf(lines.Text(), "%1s %dx%d (row,col)", &use, &rows, &cols); n == 3 {
			continue
		}
		_, elements, _ := strings.Cut(lines.Text(), ": ")
		for _, e := range strings.Fields(elements) {
			var row, col uint32
			if n, _ := fmt.Sscanf(e, "%d,%d", &row, &col); n == 2 {
				words = append(words, row*cols+col)
			}
		}
	}
	if len(words) != placesWords {
		t.Fatalf("%d elements, want %d", len(words), placesWords)
	}
	return words
}

func TestReadPlaces(t *testing.T) {
	words := h100Places(t)
	want := MatrixPlaces{A: 0xf9ab08, B: 0xe4, Sum: 0xe4} // with which products were right there
	if p, ok := readPlaces(words); !ok || p != want {
		t.Errorf("%x, %v, want %x", p, ok, want)
	}

	// In the order that the kernels make them in, other constants tell so.
	for lane := range 32 {
		a, _, _ := placesOf(lane)
		copy(words[lane*8:], a[:])
	}
	want.A = 0xfac688
	if p, ok := readPlaces(words); !ok || p != want {
		t.Errorf("%x, %v, want %x", p, ok, want)
	}

	// In another order in one lane, or with an element in another lane, they don't fit.
	words[8*5], words[8*5+1] = words[8*5+1], words[8*5]
	if p, ok := readPlaces(words); ok {
		t.Errorf("another order in lane 5: %x", p)
	}
	words = h100Places(t)
	for _, at := range []int{3, 32*8 + 4*9, 32*12 + 4*31 + 3} {
		other := h100Places(t)
		other[at] = words[(at+64)%len(words)]
		if p, ok := readPlaces(other); ok {
			t.Errorf("element %d is another lane's: %x", at, p)
		}
	}
}

// What a driver does not compile it does not have: a model is loaded all the same.
func TestNoPlacesWhereNothingCompiles(t *testing.T) {
	in, err := vk.Open(vk.Config{Shader: func(string, []byte) []byte { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	physical, _, err := in.Select("")
	if err != nil {
		t.Fatal(err)
	}
	d, err := in.OpenDevice(physical, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if p, ok, err := findPlaces(d); ok || err != nil {
		t.Errorf("%v, %v, %v", p, ok, err)
	}
}
