//go:build !race

package serve

import (
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"
)

// OpenAI's client has a function called, in a stream and whole, and gives its result back.
func TestClientCallsTools(t *testing.T) {
	c := client(servingTools(t))
	q := question("Rain?")
	q.Temperature, q.Seed, q.MaxTokens, q.ParallelToolCalls = openai.Float(1), openai.Int(1), openai.Int(200), openai.Bool(false)
	q.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name: "rain", Strict: openai.Bool(true), Parameters: shared.FunctionParameters{
			"type": "object", "properties": map[string]any{"city": map[string]any{"enum": []string{"Huế", "Pai"}}}, "required": []string{"city"},
		},
	})}
	q.ToolChoice = openai.ToolChoiceOptionFunctionToolChoice(openai.ChatCompletionNamedToolChoiceFunctionParam{Name: "rain"})
	whole, err := c.Chat.Completions.New(t.Context(), q)
	if err != nil || len(whole.Choices[0].Message.ToolCalls) != 1 || whole.Choices[0].FinishReason != "tool_calls" {
		t.Fatalf("%v: %s", err, whole.RawJSON())
	}
	call := whole.Choices[0].Message.ToolCalls[0]
	if call.Function.Name != "rain" || !strings.Contains(call.Function.Arguments, `"city":`) || !strings.HasPrefix(call.ID, "call_") {
		t.Errorf("%s", call.RawJSON())
	}
	stream, all := c.Chat.Completions.NewStreaming(t.Context(), q), openai.ChatCompletionAccumulator{}
	finished := 0
	for stream.Next() {
		if !all.AddChunk(stream.Current()) {
			t.Fatalf("a chunk does not fit: %s", stream.Current().RawJSON())
		}
		if tool, ok := all.JustFinishedToolCall(); ok {
			if finished++; tool.Name != "rain" || tool.Arguments != call.Function.Arguments {
				t.Errorf("%+v", tool)
			}
		}
	}
	if err := stream.Err(); err != nil || finished != 1 || all.Choices[0].FinishReason != "tool_calls" || all.Choices[0].Message.Content != "" {
		t.Errorf("%v, %d calls: %+v", err, finished, all.ChatCompletion)
	}
	q.ToolChoice = openai.ChatCompletionToolChoiceOptionUnionParam{}
	q.Tools[0].OfFunction.Function.Strict = openai.Bool(false)
	q.MaxTokens = openai.Int(3)
	q.Messages = append(q.Messages, whole.Choices[0].Message.ToParam(), openai.ToolMessage("dry", call.ID))
	if answer, err := c.Chat.Completions.New(t.Context(), q); err != nil || answer.Usage.PromptTokens <= whole.Usage.PromptTokens+20 {
		t.Errorf("with the result: %v: %s", err, answer.RawJSON())
	}
}
