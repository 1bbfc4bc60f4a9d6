// Package grammar holds answers to a grammar in GBNF, llama.cpp's notation:
// for each token of an answer it tells which tokens may come next.
package grammar
