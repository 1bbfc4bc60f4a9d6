package engine

import (
	"context"
	"fmt"

	"sealvk/engine/selfcheck"
	"sealvk/vk"
)

// Trusted gives options with which what the device's driver computes wrongly is left out: Load
// begins with it, and so does who needs to know before what Load will do ([FitSequences]). The
// first time on a device and driver version it compiles and checks some kernels.
func Trusted(ctx context.Context, dev *vk.Device, o Options) (Options, error) {
	if o.trusted != nil {
		return o, nil
	}
	v, err := selfcheck.Check(ctx, dev, tuningOf(dev.Caps(), o))
	for _, r := range v.Wrong {
		if o.Fault != nil {
			o.Fault(r)
		}
	}
	if err != nil {
		return o, fmt.Errorf("engine: %w", err)
	}
	o.trusted = &v.Tuning
	return o, nil
}
