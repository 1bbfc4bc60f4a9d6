package cases

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sealvk/shaders"
	"sealvk/weights/format"
)

// Grid and work of every kernel, worked out by hand, and that the grid is the one dispatched: with
// a limit of no workgroups the recording fails, and its error says how many were asked for.
func TestByHand(t *testing.T) {
	for _, k := range shaders.All() {
		tuning := tunings(k)["lanes4"]
		own, err := k.Tuning(device.Caps())
		if err != nil {
			continue
		}
		tuning.Prefill = smallTiles(own.Prefill.CoopMat)
		tuning.Lanes, tuning.WideLanes, tuning.SampleLanes = 4, 8, 8
		tuning.Product = shaders.ProductTuning{Lanes: 8, MaxLanes: 8, RowLanes: 4, Groups: 16, Outputs: 16, Span: 8, Tokens: 2}
		tuning.Attention = shaders.AttentionTuning{Lanes: 4, Positions: 1, Blocks: 1, Tokens: 4, Tile: 32, PrefillLanes: 4, PrefillRows: 3, PrefillTile: 32, Merge: true}
		if k.Name == "attention_subgroup" {
			tuning.Attention = smallSubgroups(own.Attention)
		}
		if len(kernels[k.Name].byHand) == 0 && k.Name != "matmul_coopmat" && k.Name != "attention_coopmat" { // of the device's matrices
			t.Errorf("%s: nothing was worked out by hand", k.Name)
		}
		for _, e := range kernels[k.Name].byHand {
			t.Run(k.Name+"/"+e.pipeline, func(t *testing.T) {
				c := &Case{Kernel: k.Name, Type: shaders.NoType, Shape: e.shape, Variant: Variant{Tuning: tuning, Split: 32}}
				if k.Weights {
					c.Type = format.Q4_K
				}
				d, lengths, grid := observed(t, c)
				if p := d.Pipeline; d.Label != k.Name || p.Kernel != k.Name || p.Variant != e.pipeline || p.Type != c.Type || p.Lanes != e.lanes {
					t.Errorf("%q %+v, want %s %q", d.Label, p, k.Name, e.pipeline)
				}
				if !slices.Equal(d.Shape, e.shape) {
					t.Errorf("shape %v of %v, want %v", d.Shape, k.Sizes, e.shape)
				}
				g, work := d.At(lengths)
				if g != e.grid || work != e.work {
					t.Errorf("grid %v, %+v; want %v, %+v", g, work, e.grid, e.work)
				}
				if want := fmt.Sprintf("%d x %d x %d", g[0], g[1], g[2]); grid != want {
					t.Errorf("observed grid %s, dispatched %s", want, grid)
				}
			})
		}
	}
}

// observed is what Observe tells of a case's only dispatch, and the grid that was dispatched.
func observed(t *testing.T, c *Case) (d shaders.Dispatch, l shaders.Lengths, grid string) {
	t.Helper()
	b, err := Plan(device, c)
	if err == nil {
		t.Cleanup(b.Free)
		err = b.Make()
	}
	if err != nil {
		t.Fatal(err)
	}
	set := setOf(t, c.KV, c.Variant.Tuning)
	limits := &device.Caps().Limits
	count := limits.MaxComputeWorkGroupCount
	limits.MaxComputeWorkGroupCount = [3]int{}
	defer func() { limits.MaxComputeWorkGroupCount = count }()
	commands, err := device.NewCommands(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer commands.Free()
	var seen []shaders.Dispatch
	set.Observe(func(d shaders.Dispatch) { seen = append(seen, d) })
	defer set.Observe(nil)
	b.Record(set, commands)
	if len(seen) != 1 {
		t.Fatalf("%d dispatches", len(seen))
	}
	if err := commands.End(); err != nil {
		_, grid, _ = strings.Cut(err.Error(), "grid ")
		grid, _, _ = strings.Cut(grid, ":")
		return seen[0], b.Lengths, grid
	}
	// Indirect: the grid is in device memory, as the host or advance writes it.
	h := shaders.Heads{Heads: c.Size("heads")}
	g := b.splits().Grid(h, b.Lengths.Longest, c.Size("tokens"))
	switch c.Kernel {
	case "attention_coopmat":
		g = c.Variant.Attention.Matrix.Grid(b.splits(), h, b.Lengths.Longest, c.Size("tokens"))
	case "attention_prefill":
		g = c.Variant.Attention.PrefillGrid(b.splits(), h, b.Lengths.Longest, c.Size("tokens"))
	}
	return seen[0], b.Lengths, fmt.Sprintf("%d x %d x %d", g[0], g[1], g[2])
}

// More workgroups than one grid dimension has are folded.
func TestGridsAreFolded(t *testing.T) {
	count := &device.Caps().Limits.MaxComputeWorkGroupCount
	defer func(before [3]int) { *count = before }(*count)
	count[0], count[1] = 7, 7
	tuning := tunings(shaders.FindKernel("matmul"))["lanes4"]
	tuning.Prefill = smallTiles(shaders.CoopMat{}) // of no matrices
	tuning.SampleLanes = 8                         // nobody else's
	for _, c := range []*Case{
		{Kernel: "matmul", Type: format.F32, Shape: []int{900, 8, 1}}, {Kernel: "geglu", Type: shaders.NoType, Shape: []int{150, 2}},
		{Kernel: "matmul_tiled", Type: format.F32, Shape: []int{400, 8, 70}}, {Kernel: "rope", Type: shaders.NoType, Shape: []int{4, 2, 96, 2}},
	} {
		c.Variant.Tuning = tuning
		run(t, c)
	}
}
