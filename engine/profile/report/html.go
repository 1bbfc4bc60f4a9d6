package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"slices"
	"strings"

	"sealvk/engine/profile"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string

	page = template.Must(template.New("page").Parse(pageHTML))
)

// pageData is what page.html shows.
type pageData struct {
	Title    string
	CSS      template.CSS
	JS       template.JS
	JSON     template.JS // the profile; encoding/json escapes what could end a script
	Facts    []fact
	Runs     []pageRun
	Pictures []pagePicture // of all runs
	Omitted  []string
	Programs pageTable
	Values   value
}

type pageRun struct {
	ID, Name, Headline string
	Facts              []fact
	Budget             []budgetLine
	Tables             []pageTable
	Pictures           []pagePicture
}

type pageTable struct {
	Name    string
	Open    bool
	Sorted  string // the column by which it is sorted; "": none
	Columns []string
	Rows    [][]pageCell
}

// pageCell is a figure as it is shown, and as it is sorted.
type pageCell struct {
	Text string
	Sort string
	Left bool
}

type pagePicture struct {
	ID, Title string
	SVG       template.HTML
}

func writeHTML(w io.Writer, p *profile.Profile, _ View) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("report: html: %w", err)
	}
	d := pageData{Title: modelName(p) + " on " + p.Device.Name, CSS: template.CSS(pageCSS), JS: template.JS(pageJS), JSON: template.JS(text),
		Facts: pageFacts(p), Programs: pipelineTable(p)}
	if d.Values, err = parseValue(text); err != nil {
		return fmt.Errorf("report: html: %w", err)
	}
	for i := range p.Runs {
		d.Runs = append(d.Runs, newPageRun(p, &p.Runs[i], runFile(p, i)))
	}
	if err := d.addPictures(p); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := page.Execute(&b, d); err != nil {
		return fmt.Errorf("report: html: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

func pageFacts(p *profile.Profile) []fact {
	return append(facts(p),
		fact{"measured", p.Created.Format("2006-01-02 15:04:05 MST") + " by sealvk " + p.Program},
		fact{"command", "sealvk " + strings.Join(p.Command, " ")})
}

func newPageRun(p *profile.Profile, r *profile.Run, id string) pageRun {
	run := pageRun{ID: id, Name: runName(r), Headline: headline(r), Facts: runFacts(r), Budget: budget(r)}
	for _, by := range []profile.By{profile.ByOperation, profile.ByLayer, profile.ByKernel, profile.ByDispatch} {
		v := View{By: by, Sort: "total"}
		if by == profile.ByLayer || by == profile.ByDispatch {
			v.Sort = "order"
		}
		groups, _ := v.groups(p, r)
		run.Tables = append(run.Tables, newPageTable(v, groups))
	}
	return run
}

func newPageTable(v View, groups []profile.Group) pageTable {
	name := string(v.By)
	t := pageTable{Name: name, Open: v.By == profile.ByOperation, Columns: []string{name, "calls", "total µs", "mean µs", "p50 µs", "p95 µs", "% step",
		"bytes", "GB/s", "FLOPs", "GFLOP/s", "FLOP/B", "% roof", "bound", "kernel", "shape", "grid", "lanes"}}
	text := func(s string) pageCell { return pageCell{orNone(s), s, true} }
	figure := func(shown string, v float64) pageCell { return pageCell{shown, exact(v), false} }
	if v.Sort == "total" {
		t.Sorted = "total µs"
	}
	for i := range groups {
		g := &groups[i]
		kernel := strings.Join(strings.Fields(g.Kernel+" "+g.Type+" "+g.Variant), " ")
		cells := timeCells(g)
		row := []pageCell{text(g.Name)}
		for j, v := range []float64{float64(g.Calls), g.TotalUS, g.MeanUS, g.P50US, g.P95US, g.Share, float64(g.Bytes), g.BytesPerS,
			float64(g.FLOPs), g.FLOPsPerS, g.Intensity, g.RoofShare} {
			row = append(row, figure(cells[j+1], v))
		}
		t.Rows = append(t.Rows, append(row, text(g.Bound), text(kernel), text(g.Shape),
			figure(grid(g.Grid), float64(g.Grid[0]*g.Grid[1]*g.Grid[2])), figure(orDash(float64(g.Lanes), exact), float64(g.Lanes))))
	}
	return t
}

// pipelineTable has a column for each of the drivers' statistics.
func pipelineTable(p *profile.Profile) pageTable {
	t := pageTable{Name: "programs", Columns: []string{"kernel", "type", "variant", "lanes", "subgroup"}}
	var names []string
	for _, pipeline := range p.Pipelines {
		for _, s := range pipeline.Statistics {
			if !slices.Contains(names, s.Name) {
				names = append(names, s.Name)
			}
		}
	}
	t.Columns = append(t.Columns, names...)
	for _, pipeline := range p.Pipelines {
		row := []pageCell{{pipeline.Kernel, pipeline.Kernel, true}, {orNone(pipeline.Type), pipeline.Type, true}, {orNone(pipeline.Variant), pipeline.Variant, true},
			{whole(pipeline.Lanes), whole(pipeline.Lanes), false}, {whole(pipeline.SubgroupSize), whole(pipeline.SubgroupSize), false}}
		for _, name := range names {
			cell := pageCell{Text: "-"}
			for _, s := range pipeline.Statistics {
				if s.Name == name {
					cell = pageCell{s.Value, s.Value, false}
				}
			}
			row = append(row, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// addPictures puts the pictures into the page, each to its run.
func (d *pageData) addPictures(p *profile.Profile) error {
	pictures, omitted, err := Pictures(p)
	if err != nil {
		return err
	}
	d.Omitted = omitted
	for _, picture := range pictures {
		var b bytes.Buffer
		if err := picture.Write(&b, "svg"); err != nil {
			return err
		}
		shown := pagePicture{picture.Name, picture.Title, inlineSVG(b.String(), picture.Title)}
		list := &d.Pictures
		if i := slices.IndexFunc(d.Runs, func(r pageRun) bool { return strings.HasSuffix(picture.Name, "-"+r.ID) }); i >= 0 {
			list = &d.Runs[i].Pictures
		}
		*list = append(*list, shown)
	}
	return nil
}

var svgHead = regexp.MustCompile(`(?s)^.*?<svg width="[^"]*" height="[^"]*"`)

// inlineSVG makes a picture an element of a page: as wide as its column, with the page's
// paper and ink, and with a name for those who do not see it.
func inlineSVG(text, title string) template.HTML {
	text = svgHead.ReplaceAllLiteralString(text, `<svg role="img" aria-label="`+template.HTMLEscapeString(title)+`"`)
	return template.HTML(strings.NewReplacer("fill:#FFFFFF", "fill:none", "#000000", "currentColor").Replace(text))
}
