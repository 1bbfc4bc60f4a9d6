package vk

import "sync/atomic"

// Counters are how often a Device was asked for something so far, by kind: of a decode step
// only for Submit, Wait and Poll.
type Counters struct {
	Submit uint64 // vkQueueSubmit
	Wait   uint64 // vkWaitSemaphores
	Poll   uint64 // vkGetSemaphoreCounterValue
	Other  uint64 // making and freeing an object, recording a command, a query
}

type counters struct{ submit, wait, poll, other atomic.Uint64 }

// Counters reads the counters.
func (d *Device) Counters() Counters {
	c := &d.count
	return Counters{Submit: c.submit.Load(), Wait: c.wait.Load(), Poll: c.poll.Load(), Other: c.other.Load()}
}

// Stats is what a Device holds for its callers now.
type Stats struct {
	AllocatedBytes int64 // of VkDeviceMemory
	BufferBytes    int64 // of live buffers, as asked for
	Buffers        int
	Pipelines      int
	Commands       int
	StagingBytes   int64 // VkDeviceMemory that Write and Read keep until Close, not in AllocatedBytes
}

// Stats reads what is live.
func (d *Device) Stats() Stats {
	var s Stats
	d.live.mu.Lock()
	for o := range d.live.objects {
		switch o := o.(type) {
		case *Buffer:
			s.Buffers++
			s.BufferBytes += o.size
		case *Pipeline:
			s.Pipelines++
		case *Commands:
			s.Commands++
		}
	}
	d.live.mu.Unlock()
	s.StagingBytes = d.stage.bytes()
	s.AllocatedBytes = d.mem.allocated() - s.StagingBytes
	return s
}
