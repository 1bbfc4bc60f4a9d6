package report

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"sealvk/engine/profile"
)

// written is p in a format.
func written(t *testing.T, format string, p *profile.Profile, v View) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, format, p, v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// tables finds the tables of a text by the first word of their heads: lines up to the next
// empty one, as cells. Cells are two blanks apart.
func tables(text, word string) (found [][][]string) {
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		if !strings.HasPrefix(lines[i], word+"  ") {
			continue
		}
		var rows [][]string
		for ; lines[i] != ""; i++ {
			rows = append(rows, regexp.MustCompile(` {2,}`).Split(lines[i], -1))
		}
		found = append(found, rows)
	}
	return found
}

// same reports whether a cell shows v, as near as its digits can.
func same(cell string, v float64) bool {
	cell = strings.ReplaceAll(cell, " ", "")
	factor := 1.0
	if prefix := strings.IndexAny("kMGTP", cell[len(cell)-1:]); prefix >= 0 {
		factor, cell = math.Pow(1000, float64(prefix+1)), cell[:len(cell)-1]
	}
	shown, err := strconv.ParseFloat(cell, 64)
	return err == nil && math.Abs(shown*factor-v) <= max(0.0501, 0.00501*math.Abs(v))
}

func TestTextTellsTheHeadlineFirst(t *testing.T) {
	p := sample()
	text := written(t, "text", p, View{})
	lines := strings.Split(text, "\n")
	for i := range p.Runs {
		if want := percent(p.Runs[i].Floor.Share) + " % of the floor's speed: " + runName(&p.Runs[i]); !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q, want %q", i+1, lines[i], want)
		}
	}
	for _, part := range []string{p.Device.Name, "seallm-nano Q4_K_M", "13.2 GB/s", "concurrent +", "serialized +", "59 dispatches", "1 submission a step",
		"the median of 6 steps", "tokens/s", "Register Count 24, Spilled Registers 0, Shared Memory Size 0"} {
		if !strings.Contains(text, part) {
			t.Errorf("the text lacks %q", part)
		}
	}
	for _, line := range lines {
		if n := utf8.RuneCountInString(line); n > lineWidth {
			t.Errorf("%d characters, want at most %d: %s", n, lineWidth, line)
		}
	}
}

func TestTextDividesTheStep(t *testing.T) {
	p := sample()
	budgets := tables(written(t, "text", p, View{}), "part of a step")
	if len(budgets) != len(p.Runs) {
		t.Fatalf("%d budgets, want %d", len(budgets), len(p.Runs))
	}
	for i, rows := range budgets {
		r := &p.Runs[i]
		concurrent := parts(&r.Overlapped)
		for j, part := range parts(&r.Budget) {
			row := rows[j+1]
			if row[0] != part.name || !same(row[1], concurrent[j].us) || !same(row[2], 100*concurrent[j].us/r.Overlapped.WallUS) ||
				!same(row[3], part.us) || !same(row[4], 100*part.us/r.Budget.WallUS) {
				t.Errorf("%s: %q, want %s %v %v", runName(r), row, part.name, concurrent[j].us, part.us)
			}
		}
		if wall := rows[len(rows)-2]; wall[0] != "wall" || !same(wall[3], r.Budget.WallUS) || wall[4] != "100.0" {
			t.Errorf("wall: %q, want %v", wall, r.Budget.WallUS)
		}
	}
}

func TestTextShowsEveryGroup(t *testing.T) {
	p := sample()
	for _, by := range []profile.By{profile.ByOperation, profile.ByLayer, profile.ByKernel, profile.ByDispatch} {
		found := tables(written(t, "text", p, View{By: by, Sort: "order"}), string(by))
		if by == profile.ByKernel {
			found = found[:len(found)-1] // the programs have a table whose head begins like this
		}
		if len(found) != 2*len(p.Runs) {
			t.Fatalf("by %s: %d tables, want times and launches of %d runs", by, len(found), len(p.Runs))
		}
		for i := range p.Runs {
			groups := p.Runs[i].Groups(p, by)
			times, launches := found[2*i][1:], found[2*i+1][1:]
			if len(times) != len(groups)+1 || len(launches) != len(groups) {
				t.Fatalf("by %s: %d and %d rows of %d groups", by, len(times), len(launches), len(groups))
			}
			var total float64
			for j, g := range groups {
				total += g.TotalUS
				row := times[j]
				want := []float64{float64(g.Calls), g.TotalUS, g.MeanUS, g.P50US, g.P95US, 100 * g.Share, float64(g.Bytes), g.BytesPerS / 1e9,
					float64(g.FLOPs), g.FLOPsPerS / 1e9, g.Intensity, 100 * g.RoofShare}
				if row[0] != clip(g.Name, 32) || row[len(row)-1] != g.Bound {
					t.Errorf("by %s: %q, want %s bound by %s", by, row, g.Name, g.Bound)
				}
				for k, v := range want {
					if v != 0 && !same(row[k+1], v) || v == 0 && row[k+1] != "-" {
						t.Errorf("by %s, %s: column %q is %s, want %v", by, g.Name, found[2*i][0][k+1], row[k+1], v)
					}
				}
				if launches[j][0] != clip(g.Name, 32) || !strings.Contains(strings.Join(launches[j], "|"), clip(g.Kernel, 28)) {
					t.Errorf("by %s: %q, want %s by %s", by, launches[j], g.Name, g.Kernel)
				}
			}
			if all := times[len(groups)]; all[0] != "all of these" || !same(all[2], total) {
				t.Errorf("by %s: %q, want %v µs", by, all, total)
			}
		}
	}
}

func TestViewSortsFiltersAndCuts(t *testing.T) {
	p := sample()
	r := &p.Runs[1]
	inOrder := r.Groups(p, profile.ByOperation)
	for _, s := range sorts {
		groups, left := View{Sort: s.name}.groups(p, r)
		if len(groups) != len(inOrder) || left != 0 {
			t.Errorf("by %s: %d groups, %d left out", s.name, len(groups), left)
		}
		for i := 1; i < len(groups); i++ {
			wrong := s.key != nil && s.key(&groups[i]) > s.key(&groups[i-1]) || s.name == "name" && groups[i].Name < groups[i-1].Name ||
				s.name == "order" && groups[i].Name != inOrder[i].Name
			if wrong {
				t.Errorf("by %s: %s behind %s", s.name, groups[i].Name, groups[i-1].Name)
			}
		}
	}
	for expression, want := range map[string]int{"": 59, `^blk\.1\.`: 13, "ffn_": 20, "^matmul$": 29, "^ffn_up$": 4, "nothing": 0} {
		groups, _ := View{By: profile.ByDispatch, Filter: regexp.MustCompile(expression)}.groups(p, r)
		if len(groups) != want {
			t.Errorf("filter %q: %d groups, want %d", expression, len(groups), want)
		}
	}
	top, left := View{Top: 3}.groups(p, r)
	all, _ := View{}.groups(p, r)
	if len(top) != 3 || left != len(all)-3 || top[2].Name != all[2].Name {
		t.Errorf("top 3: %d groups, %d left out of %d", len(top), left, len(all))
	}
	if text := written(t, "text", p, View{Top: 3}); !strings.Contains(text, "\n17 more are not shown\n") {
		t.Errorf("what the top leaves out is not told:\n%s", text)
	}
	if text := written(t, "text", p, View{Filter: regexp.MustCompile("nothing")}); strings.Count(text, "no dispatch fits the filter") != len(p.Runs) {
		t.Error("an empty table is not explained")
	}
	if !slices.Contains(Sorts(), "gbps") {
		t.Errorf("sorts: %q", Sorts())
	}
}

func TestWriteRefuses(t *testing.T) {
	var b strings.Builder
	refuses := func(what string, err error, parts ...string) {
		t.Helper()
		for _, part := range append(parts, "report: ") {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want %q", what, err, part)
			}
		}
	}
	refuses("format", Write(&b, "pdf", sample(), View{}), `"pdf"`, "text, json, csv, trace, folded, html")
	refuses("group", Write(&b, "text", sample(), View{By: "day"}), `"day"`, "operation")
	refuses("column", Write(&b, "text", sample(), View{Sort: "colour"}), `"colour"`, "total")
	refuses("top", Write(&b, "text", sample(), View{Top: -1}), "-1")
	p := sample()
	p.Runs[0].Dispatches[3].Pipeline = 13
	refuses("program", Write(&b, "csv", p, View{}), p.Runs[0].Dispatches[3].Label, "program 13")
	p = sample()
	p.Runs[0].Dispatches[3].Calls = 0
	refuses("calls", Write(&b, "html", p, View{}), p.Runs[0].Dispatches[3].Label, "0 calls")
	p = sample()
	p.Runs[0].Floor.Share = math.NaN()
	for _, format := range []string{"json", "html"} {
		refuses(format, Write(&b, format, p, View{}), "NaN")
	}
	if b.Len() > 0 {
		t.Errorf("something was written: %q", b.String())
	}
}

// A profile may lack runs, roofs, statistics, layers, events.
func TestScantProfilesAreWritten(t *testing.T) {
	bare := sample()
	bare.Roofs = nil
	for i := range bare.Pipelines {
		bare.Pipelines[i].Statistics = nil
	}
	for i := range bare.Runs {
		r := &bare.Runs[i]
		r.Timeline, r.Sections, r.Floor = nil, nil, profile.Floor{}
		for j := range r.Dispatches {
			r.Dispatches[j].Layer, r.Dispatches[j].FLOPs = -1, 0
		}
	}
	alone := sample()
	alone.Runs = []profile.Run{{Phase: "decode", Tokens: 1}}
	for name, p := range map[string]*profile.Profile{"bare": bare, "a run of nothing": alone, "no run": {Format: profile.Format, Version: profile.Version}} {
		for _, f := range Forms() {
			written(t, f.Name, p, View{})
		}
		pictures, omitted, err := Pictures(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, picture := range pictures {
			for _, format := range PictureFormats() {
				if err := picture.Write(&strings.Builder{}, format); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		if len(omitted) == 0 {
			t.Errorf("%s: every picture", name)
		}
	}
	if text := written(t, "text", bare, View{}); !strings.Contains(text, "the floor is unknown without measured roofs") {
		t.Errorf("what is missing is not told:\n%s", text)
	}
}

func TestUnits(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{digits(0), "0"}, {digits(0.012345), "0.0123"}, {digits(1.2345), "1.23"}, {digits(99.96), "100"}, {digits(123.4), "123"}, {digits(123456), "123456"},
		{digits(1e-7), "1e-07"}, {digits(-2.5), "-2.50"},
		{si(999), "999 "}, {si(999.6), "1.00 k"}, {si(1234567), "1.23 M"}, {si(6.15e10), "61.5 G"}, {si(0), "0 "},
		{duration(0.5), "0.500 µs"}, {duration(999.7), "1.00 ms"}, {duration(2.5e6), "2.50 s"},
		{micro(12345.67), "12345.7"}, {percent(0.12345), "12.3"}, {clip("abcdef", 4), "abc…"}, {clip("abcd", 4), "abcd"},
		{plural(1, "step", "s"), "1 step"}, {plural(0, "dispatch", "es"), "0 dispatches"},
		{grid([3]int{4, 1, 1}), "4"}, {grid([3]int{4, 1, 3}), "4 x 1 x 3"}, {grid([3]int{}), "-"},
		{strings.Join(wrap([]string{"aa", "bb", "cc"}, 5), "|"), "aa bb|cc"},
		{decade(-2), "0.01"}, {decade(0), "1"}, {decade(4), "10 k"}, {decade(9), "1 G"}, {decade(19), "10000 P"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}
