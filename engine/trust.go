package engine

import (
	"context"
	"fmt"

	"sealvk/engine/selfcheck"
	"sealvk/shaders"
	"sealvk/vk"
)

// Trusted gives options with which what the device's driver computes wrongly is left out: Load
// begins with it, and so does who needs to know before what Load will do ([FitSequences]). The
// first time on a device and driver version it compiles and checks some kernels.
func Trusted(ctx context.Context, dev *vk.Device, o Options) (Options, error) {
	if o.trusted != nil {
		return o, nil
	}
	t := tuningOf(dev.Caps(), o)
	var wrong []selfcheck.Result
	if dev.Caps().Type != vk.CPU && t.Product.Matrix.Form == shaders.MatrixShared { // there may be better
		m, r, err := selfcheck.FindMatrices(ctx, dev)
		if err != nil {
			return o, fmt.Errorf("engine: %w", err)
		}
		if t.SetMatrices(dev.Caps(), m); r.State == selfcheck.Wrong {
			wrong = append(wrong, r)
		}
	}
	v, err := selfcheck.Check(ctx, dev, t)
	for _, r := range append(wrong, v.Wrong...) {
		if o.Fault != nil {
			o.Fault(r)
		}
	}
	if err != nil {
		return o, fmt.Errorf("engine: %w", err)
	}
	v.Tuning.LoneGain = v.Tuning.LoneGain || v.Tuning.Product.LoneGain()
	o.trusted = &v.Tuning
	return o, nil
}
