// Package grammar holds answers to a grammar: token by token it tells which
// tokens may come next.
//
// [Parse] reads a [Grammar] in GBNF, the notation of llama.cpp. A [Vocabulary]
// is the texts of a model's tokens, made once. [Grammar.Matcher] follows one
// answer; its Next is what an engine's request takes as its mask.
//
//	root  ::= "{" ws "\"age\":" ws [1-9] [0-9]{0,2} ws "}"   # a comment
//	ws    ::= [ \t\n]*
//
// A text begins with root. There are literals "…", sets of characters […] and
// [^…], . for any character, names of rules, alternatives |, groups (…), and
// the repetitions * + ? {n} {n,} {,m} {n,m}. Literals and sets have the escapes
// \n \r \t \\ \" \[ \] \- \^ \xHH \uHHHH \UHHHHHHHH; the last three are
// characters, not bytes. A rule ends with its line, except within parentheses
// and behind ::= and |.
//
// Of llama.cpp's notation tokens (<…>) are missing. Beyond it there are _ in
// names, {,m}, and repetitions of what may be empty. An error, and not left to
// chance, are rules that are defined twice, sets without a character, ranges
// that go backwards, numbers that are no character, and rules that never end.
// As in llama.cpp a rule must not begin with itself. A grammar has at most
// 1 MiB of text and 262,144 parts when its repetitions are written out.
//
// What a matcher allows is exact: a token may come if and only if a sentence
// of the grammar begins with the text and the token. Where the text is a
// sentence, tokens that end an answer may come, and only there. Tokens are their
// bytes (as tokenize's Stream gives them); a character may come in several, and
// half a character only where one of its wholes may stand. Control pieces and
// the unknown piece never come, unless they end answers.
//
// # How it works
//
// Rules' bodies are nodes with what follows each (compile.go). A state
// (automaton.go) is the set of nodes at which the text can be, each with the
// stacks of places at which its callers go on (stacks.go): two ways through the
// text that meet at a node share it from there on. States are found when they are first
// asked for (move.go), and kept with what follows them; characters that no set
// of the grammar tells apart are one class (classes.go).
//
// The tokens that may come at a state are a walk along the tree of the
// vocabulary's texts (mask.go), which leaves out what begins wrongly. Within
// strings nearly all tokens may come: those made of a set's characters alone
// are known beforehand, by their length (run.go), and only others are walked.
// The result is kept with the state. All of it belongs to a grammar with a
// vocabulary, is shared by its matchers, and begins anew when it has grown to 16 MiB.
//
// A grammar whose text can be read in very many ways may take more work for a
// token than is allowed; then Next ends in an error.
package grammar
