package shaders

import (
	"fmt"
	"slices"
	"strings"

	"sealvk/vk"
)

// Setting is a knob of a kernel at a value.
type Setting struct {
	Kernel, Knob string
	Value        int
}

func (s Setting) String() string { return fmt.Sprintf("%s.%s=%d", s.Kernel, s.Knob, s.Value) }

// Tuned is the device's own tuning with some settings. A Tuning has one number for all kernels that
// share a knob ([Setting.Sharers]): a setting of one of them is one of all. Naming a kernel of
// prefill (matmul_tiled, matmul_coopmat) makes prefill take it. Tuned fails for names that do not
// exist, settings that contradict each other, and what the device or a kernel cannot do.
func Tuned(c *vk.Caps, kv KVType, settings []Setting) (Tuning, error) {
	t := DefaultTuning(c)
	fail := func(err error) (Tuning, error) { return t, fmt.Errorf("shaders: %w", err) }
	adapted := map[*Kernel]bool{}
	for _, s := range settings {
		k, knob, err := s.find()
		if err != nil {
			return fail(err)
		}
		if k.adapt != nil && !adapted[k] {
			if err := k.adapt(&t, c); err != nil {
				return fail(fmt.Errorf("%v: %w", s, err))
			}
			adapted[k] = true
		}
		if err := knob.Check(s.Value, c); err != nil {
			return fail(fmt.Errorf("%s: %w", s.Kernel, err))
		}
		knob.Set(&t, s.Value)
	}
	for _, s := range settings {
		if _, knob, _ := s.find(); knob.Get(&t) != s.Value {
			return fail(fmt.Errorf("%v: another setting makes it %d", s, knob.Get(&t)))
		}
	}
	for _, k := range All() {
		if k.adapt != nil && !adapted[k] { // prefill doesn't take it
			continue
		}
		if err := k.Check(&t, kv, c); err != nil {
			return fail(fmt.Errorf("%s: %w", k.Name, err))
		}
	}
	return t, nil
}

// find is what the setting names.
func (s Setting) find() (*Kernel, *Knob, error) {
	k := FindKernel(s.Kernel)
	if k == nil {
		return nil, nil, fmt.Errorf("unknown kernel %q; there are %s", s.Kernel, strings.Join(names(All(), func(k *Kernel) string { return k.Name }), ", "))
	}
	i := slices.IndexFunc(k.Knobs, func(n Knob) bool { return n.Name == s.Knob })
	if i < 0 {
		return nil, nil, fmt.Errorf("%s has no tuning %q; it has %s", k.Name, s.Knob, strings.Join(names(k.Knobs, func(n Knob) string { return n.Name }), ", "))
	}
	return k, &k.Knobs[i], nil
}

func names[T any](list []T, name func(T) string) (all []string) {
	for _, v := range list {
		all = append(all, name(v))
	}
	return all
}

// Sharers are the other kernels whose tuning a setting changes, by name.
func (s Setting) Sharers() (list []string) {
	own, knob, err := s.find()
	if err != nil {
		return nil
	}
	var t Tuning
	knob.Set(&t, 1)
	for _, k := range All() {
		if k != own && slices.ContainsFunc(k.Knobs, func(n Knob) bool { return n.Get(&t) != 0 }) {
			list = append(list, k.Name)
		}
	}
	return list
}
