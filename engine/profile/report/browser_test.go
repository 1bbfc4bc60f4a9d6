//go:build browser

package report

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// open opens a page in a headless Chromium. It gives the document as it is then, and the
// lines of the browser's console.
func open(t *testing.T, page string) (dom string, console []string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "report.html")
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+filepath.Join(dir, "user"), "--enable-logging=stderr", "--dump-dom", "file://"+path)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, stderr.Bytes())
	}
	for line := range strings.Lines(stderr.String()) {
		if strings.Contains(line, ":CONSOLE:") {
			console = append(console, line)
		}
	}
	return stdout.String(), console
}

// browse is open for a page that has nothing to say on the console.
func browse(t *testing.T, page string) string {
	t.Helper()
	dom, console := open(t, page)
	if len(console) > 0 {
		t.Errorf("console: %s", console)
	}
	return dom
}

var rootTag = regexp.MustCompile(`<html[^>]*>`)

func TestBrowserShowsThePage(t *testing.T) {
	for name, p := range profiles(t) {
		t.Run(name, func(t *testing.T) {
			dom := browse(t, written(t, "html", p, View{}))
			if root := rootTag.FindString(dom); !strings.Contains(root, `data-ready="yes"`) || strings.Contains(root, "data-error") {
				t.Errorf("the script did not end well: %s", root)
			}
			checkFigures(t, pageText(dom), p)
			if strings.Contains(dom, `<b id="x">`) {
				t.Error("text of the profile became an element")
			}
		})
	}
}

// probe sorts and filters as a person does, and leaves what it sees in the root's attributes.
const probe = `<script>
{
  const seen = {};
  const table = document.querySelector("table.sortable");
  const column = (i) => [...table.tBodies[0].rows].map((row) => row.cells[i].textContent);
  const buttons = [...table.querySelectorAll("thead button")];
  const mean = buttons.findIndex((b) => b.textContent === "mean µs");
  const state = () => buttons[mean].closest("th").getAttribute("aria-sort");
  seen.names = column(0);
  buttons[mean].click();
  seen.falling = [state(), ...column(mean)];
  buttons[mean].click();
  seen.rising = [state(), ...column(mean)];
  buttons[0].click();
  seen.byName = column(0);
  const details = table.closest("details");
  const type = (text) => {
    const input = details.querySelector("input");
    input.value = text;
    input.dispatchEvent(new Event("input"));
    const left = [...table.tBodies[0].rows].filter((row) => getComputedStyle(row).display !== "none").map((row) => row.cells[0].textContent);
    return [details.querySelector("output").textContent, ...left];
  };
  seen.filtered = type("^ATTN_[qk]$");
  seen.literal = type("[");
  seen.all = type("");
  const link = document.getElementById("download");
  link.addEventListener("click", (e) => e.preventDefault());
  link.click();
  seen.download = link.href.slice(0, 5);
  document.documentElement.dataset.seen = JSON.stringify(seen);
}
</script></body>`

func TestBrowserSortsAndFilters(t *testing.T) {
	p := sample()
	dom := browse(t, strings.Replace(written(t, "html", p, View{}), "</body>", probe, 1))
	m := regexp.MustCompile(`data-seen="([^"]*)"`).FindStringSubmatch(dom)
	if m == nil {
		t.Fatalf("the probe did not end: %s", rootTag.FindString(dom))
	}
	var seen map[string]any
	if err := json.Unmarshal([]byte(pageText(m[1])), &seen); err != nil {
		t.Fatal(err)
	}
	list := func(name string) (texts []string) {
		items, _ := seen[name].([]any)
		for _, item := range items {
			texts = append(texts, item.(string))
		}
		return texts
	}
	groups, _ := View{}.groups(p, &p.Runs[0])
	var names []string
	for _, g := range groups {
		names = append(names, g.Name)
	}
	if got := list("names"); strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("the longest are not first: %q", got)
	}
	groups, _ = View{Sort: "mean"}.groups(p, &p.Runs[0])
	for i, g := range groups {
		falling, rising := list("falling"), list("rising")
		if len(falling) != len(groups)+1 || falling[0] != "descending" || falling[i+1] != micro(g.MeanUS) ||
			len(rising) != len(groups)+1 || rising[0] != "ascending" || rising[len(groups)-i] != micro(g.MeanUS) {
			t.Fatalf("sorted by mean: %q and %q", falling, rising)
		}
	}
	groups, _ = View{Sort: "name"}.groups(p, &p.Runs[0])
	if got := list("byName"); len(got) != len(groups) || got[0] != groups[0].Name || got[len(got)-1] != groups[len(groups)-1].Name {
		t.Errorf("sorted by name: %q", got)
	}
	if got := strings.Join(list("filtered"), ", "); got != "2 of 20 rows, attn_k, attn_q" {
		t.Errorf("filtered: %s", got)
	}
	if got := strings.Join(list("literal"), ", "); got != "0 of 20 rows" {
		t.Errorf("filtered by what is no regular expression: %s", got)
	}
	if got := list("all"); len(got) != 21 || got[0] != "" {
		t.Errorf("no filter: %q", got)
	}
	if seen["download"] != "blob:" {
		t.Errorf("download: %v", seen["download"])
	}
}

// The browser must be able to say no.
func TestBrowserNoticesErrors(t *testing.T) {
	dom, console := open(t, strings.Replace(written(t, "html", sample(), View{}), "</body>", `<script>nothing.at.all</script></body>`, 1))
	if !strings.Contains(rootTag.FindString(dom), "data-error=") || len(console) != 1 {
		t.Errorf("an error in a script went unnoticed: %s %s", rootTag.FindString(dom), console)
	}
}
