// Package openai knows the requests and results of OpenAI's API, with what vLLM adds to them: it
// reads them strictly, turns them into requests to the engine, and writes what came of those.
//
// A [Request] is one line of a batch file ([Parse]) or one body sent to a server ([ParseChat],
// [ParseCompletion]). What all requests of a run share is its [Job], whose [Job.Ask] gives the
// prompts as ids and the options as the engine takes them, a line's own before the job's.
// [Asked.Line] makes the line of output from the answers, [Asked.Body] a server's; [Job.Failure]
// makes the line of one that got none.
//
// Ollama's requests ([ParseOllamaChat], [ParseOllamaGenerate]) are read as OpenAI's that say the same, and
// [Asked.Ollama] writes their results. A [Reply] takes an answer apart into text and calls of tools.
//
// The fields that are honoured, those accepted without effect and those that are refused are in
// fields.go, Ollama's in ollama.go, and nowhere else. A field that is wrong is a [FieldError].
package openai
