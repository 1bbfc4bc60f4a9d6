package static

import (
	"fmt"
	"slices"
	"strings"
)

// Family is an AMD chip that RADV compiles for without hardware.
type Family struct {
	// Names are those that versions of Mesa have for it, the one of 22.3 first. Each version
	// knows one of them, if any, and ends the process over others.
	Names        []string
	Architecture string
	Waves        int // that a SIMD holds at most, of 64 invocations
}

func (f *Family) String() string { return f.Names[0] }

// Families lists the chips, the oldest first.
func Families() []Family { return slices.Clone(families) }

// families leaves out the chips over which Mesa 22.3 and 25.0 crash: those in processors,
// most of all.
var families = []Family{
	{[]string{"tahiti"}, "GCN 1", 10}, {[]string{"pitcairn"}, "GCN 1", 10}, {[]string{"verde"}, "GCN 1", 10},
	{[]string{"oland"}, "GCN 1", 10}, {[]string{"hainan"}, "GCN 1", 10},
	{[]string{"bonaire"}, "GCN 2", 10}, {[]string{"hawaii"}, "GCN 2", 10},
	{[]string{"tonga"}, "GCN 3", 10}, {[]string{"iceland"}, "GCN 3", 10}, {[]string{"fiji"}, "GCN 3", 10},
	{[]string{"polaris10"}, "GCN 4", 8}, {[]string{"polaris11"}, "GCN 4", 8}, {[]string{"polaris12"}, "GCN 4", 8}, {[]string{"vegam"}, "GCN 4", 8},
	{[]string{"vega10"}, "GCN 5", 10}, {[]string{"vega12"}, "GCN 5", 10}, {[]string{"vega20"}, "GCN 5", 10},
	{[]string{"arcturus", "mi100"}, "CDNA 1", 10},
	{[]string{"navi10"}, "RDNA 1", 20}, {[]string{"navi12"}, "RDNA 1", 20}, {[]string{"navi14"}, "RDNA 1", 20},
	{[]string{"navi21"}, "RDNA 2", 16}, {[]string{"navi22"}, "RDNA 2", 16}, {[]string{"navi23"}, "RDNA 2", 16},
	{[]string{"gfx1100", "navi31"}, "RDNA 3", 16}, {[]string{"gfx1101", "navi32"}, "RDNA 3", 16}, {[]string{"gfx1102", "navi33"}, "RDNA 3", 16},
	{[]string{"gfx1200"}, "RDNA 4", 16}, {[]string{"gfx1201"}, "RDNA 4", 16},
}

// DefaultFamilies are the chips by which a kernel is judged: the last of GCN, and two
// generations of RDNA.
const DefaultFamilies = "vega10,navi21,gfx1100"

// FamilyNames lists the names that ParseFamilies takes, those for one chip with a slash.
func FamilyNames() string {
	var names []string
	for _, f := range families {
		names = append(names, strings.Join(f.Names, "/"))
	}
	return strings.Join(names, " ")
}

// ParseFamilies reads names separated by commas, in either case, each chip once.
func ParseFamilies(list string) ([]*Family, error) {
	var found []*Family
	for name := range strings.SplitSeq(list, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		i := slices.IndexFunc(families, func(f Family) bool { return slices.Contains(f.Names, name) })
		if i < 0 {
			return nil, fmt.Errorf("static: no chip %q; want some of %s", name, FamilyNames())
		}
		if !slices.Contains(found, &families[i]) {
			found = append(found, &families[i])
		}
	}
	return found, nil
}
