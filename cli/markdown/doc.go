// Package markdown draws the Markdown of an answer on a terminal while it comes, word by word.
//
// What was drawn stays: no line is drawn twice and the cursor never goes back, so that scrollback and a
// resize keep what they have. What a later character may still change is held back instead: the start of
// a line until it is known for a list, a heading or text (blocks, in block.go); an emphasis, a link or a piece
// of code until it is closed (inline.go); a word until it ends (layout.go); a table until its columns are known
// (table.go). Each has a bound, behind which it is drawn as plain text.
//
// Blocks are told apart line by line here, because a parser of documents wants the document's end; goldmark
// parses what stands in them (parse.go). A newline in a paragraph stays one: models mean them.
package markdown
