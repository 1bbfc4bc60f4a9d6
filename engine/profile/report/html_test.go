package report

import (
	"bytes"
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sealvk/engine/profile"
)

var (
	// unseen is what a browser does not show as text of a page.
	unseen = regexp.MustCompile(`(?s)<script.*?</script>|<style.*?</style>|<svg.*?</svg>|<head>.*?</head>|<!--.*?-->`)
	tag    = regexp.MustCompile(`<[^>]*>`)
)

// pageText is the text of a page, a blank for each tag.
func pageText(page string) string {
	return html.UnescapeString(tag.ReplaceAllString(unseen.ReplaceAllString(page, " "), " "))
}

// checkFigures wants every number of the profile's JSON in the text as often as it is in the
// JSON, in the digits that it has there, and every string.
func checkFigures(t *testing.T, text string, p *profile.Profile) {
	t.Helper()
	shown := map[string]int{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \n\t,", r) }) {
		shown[word]++
	}
	encoded, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]int{}
	d := json.NewDecoder(bytes.NewReader(encoded))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		switch v := token.(type) {
		case json.Number:
			wanted[v.String()]++
		case string:
			if !strings.Contains(text, v) {
				t.Errorf("the page lacks %q", v)
			}
		}
	}
	if len(wanted) < 1000 {
		t.Errorf("only %d different numbers in the profile", len(wanted))
	}
	missing := 0
	for number, n := range wanted {
		if shown[number] < n {
			missing++
			if missing < 10 {
				t.Errorf("the page shows %s %d times, the profile has it %d times", number, shown[number], n)
			}
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d numbers are missing", missing, len(wanted))
	}
}

func TestPageShowsEveryFigure(t *testing.T) {
	p := sample()
	checkFigures(t, pageText(written(t, "html", p, View{})), p)
}

func TestPageIsWholeAndSafe(t *testing.T) {
	page := written(t, "html", sample(), View{})
	if scripts, ends := strings.Count(page, "<script"), strings.Count(page, "</script>"); scripts != 2 || ends != 2 || strings.Contains(page, `<b id="x">`) {
		t.Errorf("%d scripts begin, %d end: text of the profile became part of the page", scripts, ends)
	}
	for _, m := range regexp.MustCompile(`(?:src|href|url)\s*[=(]\s*["']?([^"')> ]*)`).FindAllStringSubmatch(page[:strings.Index(page, "<script>")], -1) {
		if !strings.HasPrefix(m[1], "#") {
			t.Errorf("the page loads %q", m[0])
		}
	}
	if strings.Contains(page, "@import") || strings.Contains(page, "ZgotmplZ") {
		t.Error("the page loads something, or holds what html/template took for unsafe")
	}
	embedded := regexp.MustCompile(`(?s)<script type="application/json" id="profile">(.*?)</script>`).FindStringSubmatch(page)
	got, err := profile.Read(strings.NewReader(embedded[1]))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := written(t, "json", got, View{}), written(t, "json", sample(), View{}); a != b {
		t.Error("the profile inside the page is another")
	}
	pictures, _, _ := Pictures(sample())
	if n := strings.Count(page, "<svg role=\"img\" aria-label="); n != len(pictures) {
		t.Errorf("%d pictures, want %d", n, len(pictures))
	}
	for _, id := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(page, `id="`+id[1]+`"`) {
			t.Errorf("a link to #%s, which is not there", id[1])
		}
	}
	var ids []string
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		ids = append(ids, m[1])
	}
	slices.Sort(ids)
	if n := len(ids); len(slices.Compact(ids)) != n {
		t.Errorf("an id is used twice: %q", ids)
	}
}

// Fields that this version does not know are shown as well.
func TestValuesOfAnyShape(t *testing.T) {
	v, err := parseValue([]byte(`{"a":1.50,"b":[1,2.0,"x"],"c":[{"d":1},{"e":null}],"f":{"g":[{"h":[{"i":7}]}]},"j":[],"k":{},"l":[[1,2],[3]]}`))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := page.ExecuteTemplate(&b, "value", v); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(pageText(b.String())), " ")
	const want = "a 1.50 b 1, 2.0, x c 2 of them d e 1 none f 1 fields g 1 of them 0: h 1 of them i 7 j k 0 fields l 1, 2, 3"
	if text != want {
		t.Errorf("%q, want %q", text, want)
	}
	if _, err := parseValue([]byte(`{"a":[1,`)); err == nil {
		t.Error("cut JSON is no error")
	}
}
