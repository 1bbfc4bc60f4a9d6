// Package prompt turns a conversation into the token ids a chat model was
// trained on.
//
// A [Template] is a chat format in Jinja, a built-in one ([ByName], [Detect]) or
// another ([Compile]); [Auto] honours the one in a model's file.
// [Template.Encode] renders a list of [Message] to ids, [Template.Text] the
// same for display, [Template.Stops] says where an answer ends, and [Raw]
// encodes text without a template. A prompt always begins with exactly one
// bos. [LossMask] prepares conversations for fine-tuning.
//
// [Template.WithTools] tells the model of functions that it may call, where the
// template has a place for them; [Template.CallForm] says in which form calls then
// are, and a [CallReader] finds them in the answer.
//
// Encode never lets a message's text become a piece of the structure: control
// pieces are spelled out, and so are user-defined pieces that mark turns in any
// format that the package knows. Package jinja keeps track of which bytes of a
// template's text came from the messages. [Template.EncodeSpecial]
// parses them instead, which is what Hugging Face's tokenizers do, and must be
// asked for; LossMask does it too.
//
// In SeaLLM's format a turn ends with the control piece <eos>, which no text
// can forge, but begins with <|im_start|>, which is ordinary text: in a message
// it gives the same ids as in the structure. It is kept as it is, as in the
// reference; see [SeaLLM].
package prompt
