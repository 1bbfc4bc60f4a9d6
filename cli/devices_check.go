package main

import (
	"errors"

	"sealvk/engine/selfcheck"
	"sealvk/vk"
)

// checkDevice checks anew what pd's driver computes, and keeps that for all commands.
func (p *program) checkDevice(instance *vk.Instance, pd *vk.PhysicalDevice) (err error) {
	ctx, release := stoppable()
	defer release()
	d, err := instance.OpenDevice(pd, pipelineCache())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	progress, end := p.status()
	progress("checking the driver")
	_, err = selfcheck.Again(ctx, d)
	end()
	return stopCause(ctx, err)
}

// checkText says what is known of a way.
func checkText(r *selfcheck.Result) string {
	text := r.Way + ": " + string(r.State)
	if r.Why != "" {
		text += ": " + oneLine(errors.New(r.Why))
	}
	return text
}

// fault tells the user of what is left out on a device: once, or always if verbose.
func (p *program) fault(d *vk.Device, verbose bool) func(selfcheck.Result) {
	return func(r selfcheck.Result) {
		if r.Fresh || verbose {
			c := d.Caps()
			p.note("without %s, which is slower: %s (%s, driver %s, %s); sealvk devices --check tries again",
				r.Way, oneLine(errors.New(r.Why)), c.Name, c.Driver.Name, c.Driver.Info)
		}
	}
}
