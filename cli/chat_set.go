package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"sealvk/cli/chats"
)

// options are the flags that /set changes, under their names.
func (f *chatFlags) options() (options []*cli.GenericFlag) {
	for _, flag := range append(f.sampling.all(), f.overflowFlag()) {
		if g, ok := flag.(*cli.GenericFlag); ok && (g.Category == categorySampling || g.Name == "overflow") {
			options = append(options, g)
		}
	}
	return options
}

// set shows the options of sampling, or changes one.
func (c *chat) set(text string) (leave bool, err error) {
	if text == "" {
		t := tabwriter.NewWriter(c.stderr, 0, 0, 2, ' ', 0)
		for _, o := range c.flags.options() {
			fmt.Fprintf(t, "%s\t%v\t%s\n", o.Name, o.Value, strings.ReplaceAll(o.Usage, "`", ""))
		}
		_ = t.Flush() // standard error
		return false, nil
	}
	name, value, _ := strings.Cut(strings.Replace(text, "=", " ", 1), " ")
	option, err := c.flags.set(strings.TrimLeft(name, "-"), strings.TrimSpace(value))
	if err != nil {
		return false, fmt.Errorf("/set %s: %w", text, err)
	}
	c.keep()
	fmt.Fprintf(c.stderr, "%s is %v\n", option.Name, option.Value)
	return false, nil
}

// set gives the option of that name a value, "default" for that which it has without the flag, and "" for the one that
// it has.
func (f *chatFlags) set(name, value string) (*cli.GenericFlag, error) {
	options := f.options()
	at := slices.IndexFunc(options, func(o *cli.GenericFlag) bool { return slices.Contains(o.Names(), name) })
	if at < 0 {
		return nil, fmt.Errorf("there is no option %s; /set lists them", name)
	}
	option := options[at]
	if value == "" {
		return option, nil
	}
	own := value != "default"
	if !own {
		usual := newChatFlags()
		usual.sampling.seed.value = randomSeed()
		value = usual.options()[at].Value.String()
	}
	if err := option.Value.Set(value); err != nil {
		return nil, err
	}
	f.own[option.Name] = own
	return option, nil
}

// isOwn is whether the chat has a value of its own for an option, by /set or by the flag.
func (f *chatFlags) isOwn(name string) bool {
	own, set := f.own[name]
	return own || !set && f.given(name)
}

// settings are the chat's own, as its file keeps them. What stands for no bound there is no number.
func (f *chatFlags) settings() (to chats.Settings) {
	s := f.sampling
	for name, into := range map[string]struct {
		from *real
		to   **float64
	}{"temp": {&s.temperature, &to.Temperature}, "top-p": {&s.topP, &to.TopP}, "min-p": {&s.minP, &to.MinP}} {
		if f.isOwn(name) {
			value := into.from.value
			*into.to = &value
		}
	}
	for name, into := range map[string]struct {
		from *whole
		to   **int64
	}{"top-k": {&s.topK, &to.TopK}, "n": {&s.tokens, &to.MaxTokens}, "seed": {&s.seed, &to.Seed}} {
		const exact = 1 << 53 // whole numbers that every reader of JSON keeps
		if value := int64(into.from.value); f.isOwn(name) && -exact < value && value < exact && (name != "n" || value > 0) {
			*into.to = &value
		}
	}
	if f.isOwn("overflow") {
		to.Overflow = f.overflow.value
	}
	return to
}

// apply takes over the settings of a file, and the defaults where it has none, but for the options whose flags were given.
func (f *chatFlags) apply(from chats.Settings) error {
	const usual = "default"
	values := map[string]string{"overflow": cmp.Or(from.Overflow, usual)}
	for name, value := range map[string]*float64{"temp": from.Temperature, "top-p": from.TopP, "min-p": from.MinP} {
		values[name] = usual
		if value != nil {
			values[name] = strconv.FormatFloat(*value, 'g', -1, 64)
		}
	}
	for name, value := range map[string]*int64{"top-k": from.TopK, "n": from.MaxTokens, "seed": from.Seed} {
		switch {
		case value == nil:
			values[name] = usual
		case name == "seed":
			values[name] = strconv.FormatUint(uint64(*value), 10) // the bits of one below 0
		default: // of the top -1 is all too; beyond every vocabulary and context a number bounds nothing
			values[name] = strconv.FormatInt(min(max(0, *value), 1<<20), 10)
		}
	}
	for name, value := range values {
		if f.given(name) {
			continue
		}
		if _, err := f.set(name, value); err != nil {
			return fmt.Errorf("%s %s: %w", name, value, err)
		}
	}
	return nil
}
