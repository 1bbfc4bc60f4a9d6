package profile

import (
	"strings"
	"time"

	"sealvk/engine/profile/roofline"
	"sealvk/vk"
)

// Format and Version head every file. Version grows when a field changes its meaning or
// goes; readers ignore fields that they do not know.
const (
	Format  = "sealvk-profile"
	Version = 1
)

// Profile is a profile as its JSON file holds it. Times are in microseconds.
type Profile struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	Created time.Time       `json:"created"`
	Program string          `json:"program"` // sealvk's version
	Command []string        `json:"command"` // the arguments
	Device  Device          `json:"device"`
	Model   Model           `json:"model"`
	Roofs   *roofline.Roofs `json:"roofs"`
	// Pipelines are those that ran; Dispatch.Pipeline is an index into them.
	Pipelines []Pipeline `json:"programs"`
	Runs      []Run      `json:"runs"`
}

// Device is what was measured on, or what only compiled the kernels: then the type, the
// subgroup size and the clock are left out.
type Device struct {
	Name         string `json:"name"`
	Type         string `json:"type,omitempty"`
	Driver       string `json:"driver"`
	DriverInfo   string `json:"driver_info"`
	APIVersion   string `json:"api_version"`
	SubgroupSize int    `json:"subgroup_size,omitempty"`
	// Clock says how device times were put onto the host's clock: "calibrated"
	// (VK_EXT_calibrated_timestamps) or "estimated" (from submissions and waits).
	Clock string `json:"clock,omitempty"`
}

// DeviceOf is what was measured on, but for its clock.
func DeviceOf(c *vk.Caps) Device {
	return Device{
		Name: c.Name, Type: c.Type.String(), Driver: c.Driver.Name, DriverInfo: c.Driver.Info,
		APIVersion: c.APIVersion, SubgroupSize: c.Subgroup.Size,
	}
}

// Model is what ran.
type Model struct {
	Name          string `json:"name"`
	Synthetic     bool   `json:"synthetic"` // random weights
	FileType      string `json:"file_type"` // Q4_K_M
	KV            string `json:"kv"`        // f16
	IntDot        bool   `json:"int_dot"`   // decodes with 16-bit activations and integer dot products, where weights are quantized
	Layers        int    `json:"layers"`
	Dim           int    `json:"dim"`
	FFNDim        int    `json:"ffn_dim"`
	Heads         int    `json:"heads"`
	KVHeads       int    `json:"kv_heads"`
	HeadDim       int    `json:"head_dim"`
	Vocab         int    `json:"vocab"`
	WeightsBytes  int64  `json:"weights_bytes"`
	BytesPerToken int64  `json:"bytes_per_token"` // of the weights, read by a decode step
}

// Pipeline is a variant of a kernel as the driver built it.
type Pipeline struct {
	Kernel       string         `json:"kernel"`
	Variant      string         `json:"variant,omitempty"`
	Type         string         `json:"type,omitempty"` // of the weights
	Lanes        int            `json:"lanes"`          // invocations of a workgroup
	SubgroupSize int            `json:"subgroup_size"`
	Statistics   []vk.Statistic `json:"statistics,omitempty"` // empty where the driver gives none
}

// Name is the kernel, its type and its variant, as far as it has them.
func (p *Pipeline) Name() string {
	return strings.Join(strings.Fields(p.Kernel+" "+p.Type+" "+p.Variant), " ")
}

// Run is one phase at one depth.
type Run struct {
	Phase  string `json:"phase"`  // "decode" or "prefill"
	Depth  int    `json:"depth"`  // positions in the KV cache before the first step
	Tokens int    `json:"tokens"` // of a step: 1 in decode, those of the prompt in prefill

	Schedule Schedule `json:"schedule"`
	// Wall times of the steps. Only Unprofiled is what a user gets; the others show what
	// profiling costs.
	Unprofiled Wall `json:"unprofiled"`
	Concurrent Wall `json:"concurrent"`
	Serialized Wall `json:"serialized"`

	Budget     Budget     `json:"budget"`            // of the serialized steps
	Overlapped Budget     `json:"concurrent_budget"` // of the concurrent ones
	Floor      Floor      `json:"floor"`
	Sections   []Section  `json:"sections"` // of the concurrent steps
	Operations []Group    `json:"operations"`
	Dispatches []Dispatch `json:"dispatches"` // of the serialized steps, in order of execution
	Timeline   []Event    `json:"timeline"`   // of the first serialized and concurrent steps
}

// Schedule is what a step submits.
type Schedule struct {
	Submissions int `json:"submissions"`
	Dispatches  int `json:"dispatches"`
	Barriers    int `json:"barriers"`  // between dispatches, as the unprofiled step has them
	InFlight    int `json:"in_flight"` // steps that the host submits ahead, at most
}

// Wall is times of steps on the host's clock.
type Wall struct {
	MedianUS  float64   `json:"median_us"`
	MeanUS    float64   `json:"mean_us"`
	P5US      float64   `json:"p5_us"`
	P95US     float64   `json:"p95_us"`
	SamplesUS []float64 `json:"samples_us"` // a step each, in order
	// Overhead is the median's excess over the unprofiled median: 0.02 is 2 %.
	Overhead float64 `json:"overhead"`
}

// Budget divides the mean wall time of a step. Every moment belongs to exactly one part:
// to the kernels or a gap while the device works on a submission, else to what the host does.
type Budget struct {
	WallUS    float64 `json:"wall_us"`
	KernelsUS float64 `json:"kernels_us"`  // a dispatch runs (in the concurrent budget: a section)
	GapsUS    float64 `json:"gaps_us"`     // within a submission, between its dispatches: barriers and launches
	SubmitUS  float64 `json:"submit_us"`   // the device is idle and the host is in vkQueueSubmit
	WaitUS    float64 `json:"wait_us"`     // the device is idle and the host waits: latency of start and wake-up
	ReadUS    float64 `json:"readback_us"` // the device is idle and the host reads the sampled id or writes the next tokens
	HostUS    float64 `json:"host_us"`     // the device is idle and the host does anything else
	ProfileUS float64 `json:"profile_us"`  // the device is idle and the host reads timestamps
	// KernelTicksUS is KernelsUS summed from the timestamps alone, without the host's clock:
	// that both agree shows that the clocks do.
	KernelTicksUS float64 `json:"kernel_ticks_us"`
}

// Floor is the time that a step takes at least, at the measured roofs.
type Floor struct {
	ReadBytes int64   `json:"read_bytes"` // weights and KV cache, read once
	FLOPs     int64   `json:"flops"`
	MemoryUS  float64 `json:"memory_us"`  // ReadBytes at the measured bandwidth
	ComputeUS float64 `json:"compute_us"` // FLOPs at the measured rate
	Share     float64 `json:"share"`      // of the unprofiled median: the larger of both ÷ it; 1 is the limit
	Bound     string  `json:"bound"`      // "memory" or "compute"
}

// Section is a layer, or what comes before or behind the layers.
type Section struct {
	Name      string    `json:"name"`       // token_embd, blk.0, …, output, sample
	SamplesUS []float64 `json:"samples_us"` // a step each
	MedianUS  float64   `json:"median_us"`
}

// Dispatch is a dispatch of a step. Those of one label, as of several chunks of a prompt or
// several parts of a matrix, are one.
type Dispatch struct {
	Label     string `json:"label"`     // blk.3.attn_q
	Section   string `json:"section"`   // blk.3
	Layer     int    `json:"layer"`     // -1: none
	Operation string `json:"operation"` // attn_q
	Pipeline  int    `json:"program"`   // index into Profile.Pipelines
	Shape     string `json:"shape"`     // rows=3072 cols=3072 tokens=1
	Grid      [3]int `json:"grid"`      // workgroups, of the first call
	Calls     int    `json:"calls"`     // a step
	// Of all calls of a step.
	ReadBytes    int64 `json:"read_bytes"`
	WrittenBytes int64 `json:"written_bytes"`
	FLOPs        int64 `json:"flops"`
	// SamplesUS are the times of all calls: Calls of the first step, Calls of the next one, …
	SamplesUS []float64 `json:"samples_us"`
}

// Event is a bar of the timeline.
type Event struct {
	Mode  string  `json:"mode"`  // "serialized" or "concurrent"
	Track string  `json:"track"` // "host", "device: submissions", "device: sections", "device: dispatches"
	Name  string  `json:"name"`
	Step  int     `json:"step"`
	Begin float64 `json:"begin_us"` // since the first event of the mode
	Dur   float64 `json:"dur_us"`
}
