// Package resident keeps a model on a device over the run of a server: it opens the device again when that was
// lost, and gives its memory back while nobody asks for anything.
package resident
