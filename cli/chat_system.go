package main

import (
	"fmt"
	"slices"

	"sealvk/prompt"
)

// systemPrompt shows the system prompt, or begins a conversation with another.
func (c *chat) systemPrompt(text string) (leave bool, err error) {
	switch text {
	case "":
		if c.conversation.System == "" {
			fmt.Fprintln(c.stderr, "There is no system prompt.")
			return false, nil
		}
		fmt.Fprintf(c.stderr, "The system prompt is: %s\n", visible(c.conversation.System))
		return false, nil
	case "-":
		text = ""
	}
	if err := c.opened.checkSystem(text); err != nil {
		return false, err
	}
	c.conversation.System = text
	c.forget()
	fmt.Fprintln(c.stderr, "A new conversation begins with that system prompt.")
	return false, nil
}

// checkSystem is an error if the template refuses a system prompt, or leaves it out without a word.
func (o *opened) checkSystem(text string) error {
	if text == "" {
		return nil
	}
	const remedy = "put it into the first turn, or choose another template with --template"
	turn := prompt.Message{Role: "user", Content: "?"}
	without, err := o.template.Encode(o.tokenizer, messages("", turn), true)
	if err != nil {
		return nil // it refuses more than that, as the first turn will tell
	}
	with, err := o.template.Encode(o.tokenizer, messages(text, turn), true)
	switch {
	case err != nil:
		return fmt.Errorf("the chat template refuses a system prompt: %s (%w)", remedy, err)
	case slices.Equal(with, without):
		return fmt.Errorf("the chat template leaves a system prompt out: %s", remedy)
	}
	return nil
}
