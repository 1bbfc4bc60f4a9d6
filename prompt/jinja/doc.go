// Package jinja renders the chat templates of published models: the part of
// Jinja 3 that they use, in the environment in which Hugging Face's
// transformers runs them (trim_blocks, lstrip_blocks, loop controls, the
// immutable sandbox, raise_exception, strftime_now, tojson as json.dumps).
// A test compares it with Python's Jinja.
//
// A template is a stranger's program. It reaches no file and no other
// template, changes no value that it is given, and runs on a budget of steps
// that pays for time and memory alike ([Template.Render]); a template that
// loops, nests or grows too far ends in an error. Within the package a
// template fails by panic, which Compile and Render make that error.
//
// A chat template takes what isn't there for nothing, as Jinja does by default; a template over
// a line's fields is rendered strictly, and then that is an error ([Template.RenderStrict]).
//
// Strings remember which of their bytes came from the variables and not from
// the template ([Text]), so that a caller can tell the structure of a prompt
// from what its messages say. Lengths and numbers are the template's own.
//
// Here are
//   - the tags if, for (with if, else, break and continue), set, macro, filter,
//     raw and generation, and comments
//   - and, or, not, comparisons, in, is, + - * / // % ~, | and inline if;
//     literals, attributes, items, slices and calls
//   - the filters, tests and functions of the tables filters, tests and globals,
//     and the methods of strings, lists and dicts in methods.go
//   - % and str.format with %s, %d, %% and {}
//
// Not here are include, import, extends, block, call, with and do, recursive
// loops, loop.cycle and loop.changed, ** and unary +, numbers that are not
// decimal, integers past 64 bits and floats that are not finite, repeated and
// ordered lists, HTML escaping, and what no template of a published model is
// known to use of the rest. They end in an error that names them and the line:
// for a tag or syntax when the template is compiled, for a filter, test or
// method when it is reached, so that a template works as long as it does not
// need what is missing.
package jinja
