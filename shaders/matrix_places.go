package shaders

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"sealvk/vk"
)

// matrixPlacesKernel is no kernel of models: it runs once, before there are any.
var matrixPlacesKernel = &Kernel{Name: matrixPlacesModule.name, module: matrixPlacesModule}

// MatrixPlaces is in which order the elements of matrices stand that a lane holds: of those that
// matrices.glsl gives lane 4g + t, the i-th is element A >> 3i & 7, B >> 2i & 3, Sum >> 2i & 3.
type MatrixPlaces struct{ A, B, Sum uint32 }

// What of a 16 × 16 matrix of weights, a 16 × 8 one of x, and their sums a lane must hold, in
// whatever order: rows g and g+8, columns 2t, 2t+1, 2t+8 and 2t+9, token g; of the sums tokens 2t and 2t+1.
func placesOf(lane int) (a [8]uint32, b, sum [4]uint32) {
	g, t := uint32(lane/4), uint32(lane%4)
	for i := range uint32(8) {
		row, k := g+8*(i/2%2), 2*t+i%2+8*(i/4)
		a[i] = row*16 + k
	}
	for i := range uint32(4) {
		b[i] = (2*t+i%2+8*(i/2))*8 + g
		sum[i] = (g+8*(i/2))*8 + 2*t + i%2
	}
	return a, b, sum
}

const placesWords = 32 * (8 + 4 + 4)

// readPlaces makes the orders from what matrix_places.comp writes; false: a lane holds others than
// matrices.glsl wants, or in another order than lane 0.
func readPlaces(words []uint32) (p MatrixPlaces, ok bool) {
	for lane := range 32 {
		a, b, sum := placesOf(lane)
		var found MatrixPlaces
		fine := order(&found.A, 3, a[:], words[lane*8:][:8]) &&
			order(&found.B, 2, b[:], words[32*8+lane*4:][:4]) &&
			order(&found.Sum, 2, sum[:], words[32*12+lane*4:][:4])
		if !fine || lane > 0 && found != p {
			return MatrixPlaces{}, false
		}
		p = found
	}
	return p, true
}

// order packs where each of the wanted elements stands, if all of them are there.
func order(packed *uint32, bits int, want, got []uint32) bool {
	for i, w := range want {
		at := -1
		for j, v := range got {
			if v == w {
				at = j
			}
		}
		if at < 0 {
			return false
		}
		*packed |= uint32(at) << (bits * i)
	}
	return true
}

// findPlaces asks a device that has such matrices; false: its elements don't stand as matrices.glsl wants,
// or its driver doesn't compile the question.
func findPlaces(d *vk.Device) (p MatrixPlaces, ok bool, err error) {
	fail := func(err error) (MatrixPlaces, bool, error) {
		return p, false, fmt.Errorf("shaders: the places of a matrix's elements: %w", err)
	}
	kernel, err := matrixPlacesKernel.compile(d, &Config{}, &form{subgroup: 32, constants: []uint32{32}})
	switch {
	case errors.Is(err, vk.ErrDeviceLost) || errors.Is(err, vk.ErrOutOfMemory):
		return fail(err)
	case err != nil:
		return p, false, nil
	}
	defer kernel.Free()
	to, err := d.NewBuffer(matrixPlacesKernel.Name, 4*placesWords, vk.DeviceLocal)
	if err != nil {
		return fail(err)
	}
	defer to.Free()
	c, err := d.NewCommands(matrixPlacesKernel.Name)
	if err != nil {
		return fail(err)
	}
	defer c.Free()
	args := matrixPlacesBindings{to.All()}.with(matrixPlacesPush{})
	c.Dispatch(matrixPlacesKernel.Name, kernel, args.push, args.bindings, 1, 1, 1)
	if err := c.End(); err != nil {
		return fail(err)
	}
	ticket, err := d.Submit(c)
	if err == nil {
		err = d.Wait(ticket, time.Minute)
	}
	bytes := make([]byte, 4*placesWords)
	if err == nil {
		err = d.Read(bytes, to.All())
	}
	if err != nil {
		return fail(err)
	}
	words := make([]uint32, placesWords)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(bytes[4*i:])
	}
	p, ok = readPlaces(words)
	return p, ok, nil
}
