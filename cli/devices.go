package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"sealvk/engine/profile/roofline"
	"sealvk/engine/selfcheck"
	"sealvk/vk"
)

func (p *program) devicesCommand() *cli.Command {
	f := newModelFlags()
	var asJSON, measure, check bool
	return &cli.Command{
		Name:        "devices",
		Usage:       "list the Vulkan devices",
		Description: "The star marks the device that is used unless --device says otherwise.",
		Flags: append(f.deviceFlags(),
			toggleFlag(&asJSON, "", "json", "print everything that is read of a device"),
			toggleFlag(&measure, "", "measure", "measure what the device can do, in some seconds in which nothing else should run"),
			toggleFlag(&check, "", "check", "check again what the driver computes")),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			return p.devices(f, asJSON, measure, check)
		},
	}
}

// listedDevice is one element of devices --json.
type listedDevice struct {
	Index    int    `json:"index"`
	Selected bool   `json:"selected"`
	Reason   string `json:"reason,omitempty"` // why it was selected
	vk.Caps
	Checks []selfcheck.Result `json:"checks,omitempty"`
	Roofs  *roofline.Roofs    `json:"roofs,omitempty"` // with --measure
}

func (p *program) devices(f *modelFlags, asJSON, measure, check bool) error {
	instance, err := p.openInstance(f.validate)
	if err != nil {
		return err
	}
	defer instance.Close()
	// A device that cannot be chosen is no reason to hide the others.
	chosen, reason, selectErr := instance.Select(f.device)
	var roofs *roofline.Roofs
	if measure && selectErr == nil {
		if roofs, err = p.measureDevice(instance, chosen); err != nil {
			return err
		}
	}
	if check && selectErr == nil {
		if err := p.checkDevice(instance, chosen); err != nil {
			return err
		}
	}
	list := []listedDevice{}
	for _, d := range instance.Devices() {
		l := listedDevice{Index: d.Index, Caps: d.Caps}
		if d.Caps.Unsupported == "" {
			l.Checks = selfcheck.Known(pipelineCache(), &d.Caps)
		}
		if d == chosen {
			l.Selected, l.Reason, l.Roofs = true, reason, roofs
		}
		list = append(list, l)
	}
	if asJSON {
		err = encodeJSON(p.stdout, "  ", list)
	} else {
		for _, l := range list {
			printDevice(p.stdout, &l)
		}
	}
	if selectErr == nil && f.verbose {
		p.note("%s", reason)
	}
	return errors.Join(err, selectErr)
}

func printDevice(w io.Writer, l *listedDevice) {
	mark := " "
	if l.Selected {
		mark = "*"
	}
	fmt.Fprintf(w, "%s %d  %s\n", mark, l.Index, l.Name)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "     %-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("type", "%v, Vulkan %s", l.Type, l.APIVersion)
	line("driver", "%s, %s", l.Driver.Name, l.Driver.Info)
	line("uuid", "%v", l.DeviceUUID)
	for i, h := range l.Memory.Heaps {
		kind := "host"
		if h.DeviceLocal {
			kind = "device local"
		}
		line(fmt.Sprintf("heap %d", i), "%s, %s free, %s", vk.SizeText(h.Size), vk.SizeText(max(0, h.Budget-h.Usage)), kind)
	}
	line("subgroup", "%d (%d to %d)", l.Subgroup.Size, l.Subgroup.MinSize, l.Subgroup.MaxSize)
	if l.ShaderCores > 0 {
		line("shader cores", "%d", l.ShaderCores)
	}
	line("buffer", "at most %s a binding, %s an allocation", vk.SizeText(l.Limits.MaxStorageBufferRange), vk.SizeText(l.Limits.MaxMemoryAllocationSize))
	for _, r := range l.Checks {
		line("check", "%s", checkText(&r))
	}
	if l.Unsupported != "" {
		line("cannot be used", "%s", l.Unsupported)
	}
	if l.Roofs != nil {
		printRoofs(line, l.Roofs)
	}
}
