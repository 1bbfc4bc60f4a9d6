// Package serve answers OpenAI's API over HTTP, Ollama's as far as text goes, and a web page, from one model.
//
// A [Server] is an http.Handler. server.go has the table of its routes; a handler reads the request by
// package openai, has [Server.answer] bring it through the model, and writes what came of it, whole
// or as a stream (events.go). failure.go makes responses of errors, admission.go bounds what waits.
package serve
