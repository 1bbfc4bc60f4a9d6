package schema

// The rules that grammars share. White space comes behind brackets, commas and colons, and has an
// end: a model that is at a loss could fill its answer with it. Numbers have few enough digits for
// a float64 to hold them. An escaped surrogate comes with its other half.
const (
	wsRule      = "ws ::= (\" \" | \"\\n\" [ \\t]{0,20})?\n"
	valueRule   = "value ::= object | array | string | number | \"true\" | \"false\" | \"null\"\n"
	objectRule  = "object ::= \"{\" ws (member (\",\" ws member)* ws)? \"}\"\n"
	memberRule  = "member ::= string \":\" ws value\n"
	arrayRule   = "array ::= \"[\" ws (value (\",\" ws value)* ws)? \"]\"\n"
	stringRule  = "string ::= \"\\\"\" char* \"\\\"\"\n"
	charRule    = "char ::= [^\"\\\\\\x00-\\x1F\\x7F] | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" unit)\n"
	unitRule    = "unit ::= [0-9A-CE-Fa-ce-f] hex{3} | [Dd] [0-7] hex{2} | [Dd] [89ABab] hex{2} \"\\\\u\" [Dd] [C-Fc-f] hex{2}\n"
	hexRule     = "hex ::= [0-9A-Fa-f]\n"
	numberRule  = "number ::= integer (\".\" [0-9]{1,15})? ([eE] [+-]? [0-9]{1,2})?\n"
	integerRule = "integer ::= \"-\"? (\"0\" | [1-9] [0-9]{0,14})\n"
)

// Object is the grammar of any JSON object.
const Object = "root ::= object\n" + objectRule + wsRule + memberRule + stringRule + valueRule + charRule + arrayRule +
	numberRule + unitRule + integerRule + hexRule

var sharedRules = map[string]string{
	"ws": wsRule, "value": valueRule, "object": objectRule, "member": memberRule, "array": arrayRule, "string": stringRule,
	"char": charRule, "unit": unitRule, "hex": hexRule, "number": numberRule, "integer": integerRule,
}

// usedBy are the rules that each of them uses.
var usedBy = map[string][]string{
	"value":  {"object", "array", "string", "number"},
	"object": {"ws", "member"},
	"member": {"string", "ws", "value"},
	"array":  {"ws", "value"},
	"string": {"char"},
	"char":   {"unit"},
	"unit":   {"hex"},
	"number": {"integer"},
}
