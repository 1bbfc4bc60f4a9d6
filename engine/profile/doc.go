// Package profile measures where the time of prefill and decode goes.
//
//	Measure     runs a model and returns a Profile
//	Profile     the result, as its JSON file holds it
//	Group       its dispatches summed up by operation, layer or kernel, against the roofs
//	Compare     two Profiles, kernel by kernel, with confidence intervals
//
// Each run is measured three times, step by step in turn: unprofiled; concurrent, with
// timestamps at layer boundaries alone, so that the schedule is what it always is; and
// serialized, with timestamps around every dispatch, each of which waits for the one before.
//
// Below it lies all else that measures: roofline what a device can do at most, kernelbench one
// kernel alone, static what a driver's compiler made of the kernels, bench tokens a second as
// llama-bench does, report the forms of a Profile. Package engine imports none of it.
package profile
