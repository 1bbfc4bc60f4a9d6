// Package batch runs files of prompts: it reads them as one stream of lines, and keeps what it
// takes to write their answers in order and to go on after a stop.
//
// Its inputs are [Source], the lines of files that may be compressed or CSV; [Template], which
// makes a prompt of a line's fields; [Seen] and [Done], which remember lines by the million on disk.
package batch
