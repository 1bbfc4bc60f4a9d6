// Package selfcheck doubts drivers. What a kernel does faster by an optional feature of a device
// is a [Way]; before one is used on a device and driver version for the first time, small cases of
// its kernels ([sealvk/shaders/cases]) are compared with plain Go. What is computed wrongly, ends the
// program or loses the device is left out from then on.
//
//	Check   a Tuning without what is wrong: the Verdict
//	Again   checks everything anew
//	Known   what was found of a device, for who lists devices
//
// What was found stands in a file beside the pipeline cache (record.go), and is found anew for other
// kernels, other sizes of workgroups, and other drivers. A new way is an element of ways (ways.go).
package selfcheck
