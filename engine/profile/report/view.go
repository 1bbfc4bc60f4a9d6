package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sealvk/engine/profile"
)

// View chooses what the tables of kernels show.
type View struct {
	By     profile.By     // "" is ByOperation
	Sort   string         // one of Sorts; "" is "total"
	Filter *regexp.Regexp // only dispatches whose label, operation or kernel it finds; nil: all
	Top    int            // only the first of the sorted; 0: all
}

// sorts are the columns by which a table is sorted, the largest first; names rise, and
// "order" is that of execution.
var sorts = []struct {
	name string
	key  func(*profile.Group) float64
}{
	{"total", func(g *profile.Group) float64 { return g.TotalUS }},
	{"mean", func(g *profile.Group) float64 { return g.MeanUS }},
	{"share", func(g *profile.Group) float64 { return g.Share }},
	{"gbps", func(g *profile.Group) float64 { return g.BytesPerS }},
	{"flops", func(g *profile.Group) float64 { return g.FLOPsPerS }},
	{"roof", func(g *profile.Group) float64 { return g.RoofShare }},
	{"name", nil},
	{"order", nil},
}

// Sorts are the columns that View.Sort names.
func Sorts() []string {
	var names []string
	for _, s := range sorts {
		names = append(names, s.name)
	}
	return names
}

// Check finds a view that no table can show.
func (v View) Check() error {
	by := []profile.By{profile.ByOperation, profile.ByLayer, profile.ByKernel, profile.ByDispatch}
	if v.By != "" && !slices.Contains(by, v.By) {
		return fmt.Errorf("report: cannot group by %q: want one of %v", v.By, by)
	}
	if v.Sort != "" && !slices.Contains(Sorts(), v.Sort) {
		return fmt.Errorf("report: cannot sort by %q: want one of %s", v.Sort, strings.Join(Sorts(), ", "))
	}
	if v.Top < 0 {
		return fmt.Errorf("report: cannot show the first %d rows: want 0 for all or more", v.Top)
	}
	return nil
}

// groups are the rows of a run's table, and how many Top left out.
func (v View) groups(p *profile.Profile, r *profile.Run) (shown []profile.Group, left int) {
	by := cmp.Or(v.By, profile.ByOperation)
	filtered := *r
	if v.Filter != nil {
		filtered.Dispatches = slices.DeleteFunc(slices.Clone(r.Dispatches), func(d profile.Dispatch) bool {
			return !slices.ContainsFunc([]string{d.Label, d.Operation, p.Pipelines[d.Pipeline].Kernel}, v.Filter.MatchString)
		})
	}
	groups := filtered.Groups(p, by)
	order := cmp.Or(v.Sort, "total")
	slices.SortStableFunc(groups, func(a, b profile.Group) int {
		for _, s := range sorts {
			if s.name == order && s.key != nil {
				return cmp.Compare(s.key(&b), s.key(&a))
			}
		}
		if order == "name" {
			return cmp.Compare(a.Name, b.Name)
		}
		return 0
	})
	if v.Top > 0 && len(groups) > v.Top {
		return groups[:v.Top], len(groups) - v.Top
	}
	return groups, 0
}
