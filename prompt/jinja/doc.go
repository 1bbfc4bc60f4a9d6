// Package jinja renders the chat templates of published models: the part of
// Jinja 3 that they use, in the environment in which Hugging Face's
// transformers runs them (trim_blocks, lstrip_blocks, loop controls, the
// immutable sandbox, raise_exception, strftime_now, tojson as json.dumps).
// A test compares it with Python's Jinja.
//
// A template is a stranger's program. It reaches no file and no other
// template, changes no value that it is given, and runs on a budget of steps
// that pays for time and memory alike ([Template.Render]); a template that
// loops, nests or grows too far ends in an error, never in a panic.
//
// Strings remember which of their bytes came from the variables and not from
// the template ([Text]), so that a caller can tell the structure of a prompt
// from what its messages say.
//
// Not here: include, import, extends and blocks (other templates), recursive
// loops, HTML escaping by default, integers past 64 bits.
package jinja
