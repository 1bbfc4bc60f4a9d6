package bench

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// CPUName is the processor's name in the text of Linux' /proc/cpuinfo, "" if there is none.
func CPUName(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Meter is energy counters, or a power reading, of one part of the machine.
type Meter struct {
	Of       string // "cpu": all packages, or "gpu"
	counters []counter
	power    string // a file in µW, where there are no counters
}

// counter counts µJ and begins anew behind limit; 0: never.
type counter struct {
	file  string
	limit uint64
}

// Meters finds what measures energy below sys, Linux' /sys: the CPU packages (intel-rapl, of AMD
// too), and the GPU of the PCI ids if there is exactly one (hwmon of amdgpu, i915, xe). What
// may not be read, as intel-rapl mostly by root alone, is left out.
func Meters(sys string, vendor, device uint32) []*Meter {
	var list []*Meter
	if m := cpuMeter(sys); m != nil {
		list = append(list, m)
	}
	if m := gpuMeter(sys, vendor, device); m != nil {
		list = append(list, m)
	}
	return list
}

func cpuMeter(sys string) *Meter {
	m := &Meter{Of: "cpu"}
	zones, _ := filepath.Glob(filepath.Join(sys, "class/powercap/intel-rapl:*"))
	for _, zone := range zones {
		name, err := os.ReadFile(filepath.Join(zone, "name"))
		if err != nil || !strings.HasPrefix(string(name), "package") { // cores and memory lie in a package's zone
			continue
		}
		limit, err := readNumber(filepath.Join(zone, "max_energy_range_uj"))
		c := counter{filepath.Join(zone, "energy_uj"), limit}
		if _, unreadable := readNumber(c.file); err != nil || unreadable != nil {
			return nil // the sum of some packages is none
		}
		m.counters = append(m.counters, c)
	}
	if m.counters == nil {
		return nil
	}
	return m
}

func gpuMeter(sys string, vendor, device uint32) *Meter {
	var found []string
	monitors, _ := filepath.Glob(filepath.Join(sys, "class/hwmon/hwmon*"))
	for _, dir := range monitors {
		v, errV := readNumber(filepath.Join(dir, "device/vendor"))
		d, errD := readNumber(filepath.Join(dir, "device/device"))
		if errV == nil && errD == nil && uint32(v) == vendor && uint32(d) == device {
			found = append(found, dir)
		}
	}
	if len(found) != 1 {
		return nil
	}
	m := &Meter{Of: "gpu"}
	if energy := filepath.Join(found[0], "energy1_input"); readable(energy) {
		m.counters = []counter{{file: energy}}
		return m
	}
	for _, name := range []string{"power1_average", "power1_input"} {
		if m.power = filepath.Join(found[0], name); readable(m.power) {
			return m
		}
	}
	return nil
}

func readable(file string) bool {
	_, err := readNumber(file)
	return err == nil
}

func readNumber(file string) (uint64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 0, 64)
}

// start begins to measure; stop gives the joules since, NaN if they cannot be read any more.
func (m *Meter) start() (stop func() float64) {
	if m.power != "" {
		return integrate(m.power)
	}
	begin := make([]uint64, len(m.counters))
	for i, c := range m.counters {
		n, err := readNumber(c.file)
		if err != nil {
			return math.NaN
		}
		begin[i] = n
	}
	return func() float64 {
		var sum uint64
		for i, c := range m.counters {
			now, err := readNumber(c.file)
			if err != nil {
				return math.NaN()
			}
			if now < begin[i] {
				now += c.limit
			}
			sum += now - begin[i]
		}
		return float64(sum) / 1e6
	}
}

// powerInterval is how often power is read: drivers average over about as long.
const powerInterval = 50 * time.Millisecond

// integrate sums up the power that a file gives in µW, by trapezoids.
func integrate(file string) (stop func() float64) {
	var joules, last float64
	var at time.Time
	read := func() {
		power := math.NaN()
		if n, err := readNumber(file); err == nil {
			power = float64(n) / 1e6
		}
		now := time.Now()
		if !at.IsZero() {
			joules += (last + power) / 2 * now.Sub(at).Seconds()
		}
		last, at = power, now
	}
	read()
	ended := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		tick := time.NewTicker(powerInterval)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				read()
			}
		}
	})
	return func() float64 {
		close(ended)
		reader.Wait()
		read()
		return joules
	}
}
