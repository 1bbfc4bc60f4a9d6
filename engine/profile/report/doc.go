// Package report writes a profile in the forms that people and their tools read.
//
//	Write      one of Forms to a writer:
//	  text     tables for a terminal (text.go, groups.go, columns.go), chosen by a View
//	  json     the profile itself, as profile.Read takes it
//	  csv      a row per dispatch and run
//	  trace    Chrome's trace events, for Perfetto
//	  folded   stacks with their times, for flame graphs and speedscope
//	  html     a page that needs nothing but itself (html.go, values.go, page.*)
//	Pictures   for papers and slides, as PNG and SVG (picture.go; roofline.go, stepbar.go,
//	           heatmap.go, depth.go and timeline.go draw one each, in the colours of
//	           paints.go, with the ticks of ticks.go and names placed by labels.go)
//	Rooflines  one such picture of several profiles, as before and after (rooflines.go)
//
// The page in a browser and the trace in Perfetto's trace processor are tested by
// .ci/report, with the build tags browser and perfetto.
package report
