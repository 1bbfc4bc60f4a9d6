package profile

import (
	"context"

	"sealvk/shaders/roofs"
	"sealvk/vk"
)

// Roofs is what a device can do at most.
type Roofs = roofs.Roofs

// MeasureRoofs measures them anew, in a few seconds, and keeps them in the folder dir; ""
// keeps none. progress may be nil.
func MeasureRoofs(ctx context.Context, d *vk.Device, dir string, progress func(what string)) (*Roofs, error) {
	r, err := roofs.Measure(ctx, d, progress)
	if err != nil || dir == "" {
		return r, err
	}
	return r, r.Save(dir)
}

// KnownRoofs are those that dir keeps, else they are measured and kept.
func KnownRoofs(ctx context.Context, d *vk.Device, dir string, progress func(what string)) (*Roofs, error) {
	return roofs.For(ctx, d, dir, progress)
}
