// Package batch runs files of prompts: it reads them as one stream of lines, and keeps what it
// takes to write their answers in order and to go on after a stop.
//
// Its inputs are [Source], the lines of files that may be compressed or CSV; [Template], which
// makes a prompt of a line's fields; [Seen] and [Done], which remember lines by the million on disk.
//
// A [Run] brings lines through the engine: [Job] makes their [Work], a window bounds how far the reading is ahead
// of the oldest line without an answer, lines that lost their device are asked for again, [Records] encodes what they become. A [Journal] is an output file that tells what it
// holds, the [HeaderFile] beside it what all of it has in common. [Stats] counts.
package batch
