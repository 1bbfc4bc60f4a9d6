// Package bench measures how fast a model runs, by the tests and names of llama.cpp's
// llama-bench.
//
//	Test       what is run: pp512, tg128, at a depth, for several sequences
//	Suite      tests and how to run them; Run warms up, repeats, and gives a Result for each
//	Row        a Result with what it was measured on, under llama-bench's field names
//	Meter      an energy counter of the machine, where there is one that may be read
//	ReadRows   rows of a file that sealvk bench or llama-bench wrote, for Compare
//
// Times are the host's, by its monotonic clock, from a request until its last token has been
// read back: the device has finished then.
package bench
