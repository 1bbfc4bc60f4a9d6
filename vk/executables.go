package vk

import "fmt"

// Executable is what the driver made of a shader (VK_KHR_pipeline_executable_properties).
type Executable struct {
	Name            string
	SubgroupSize    int
	Statistics      []Statistic
	Representations []Representation // with PipelineInfo.Representations
}

// Statistic is one figure of the driver's own choice and name, such as registers used.
type Statistic struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Representation is one form that the shader had on its way through the driver's compiler,
// such as its instructions: text, or bytes in a form of the driver's own.
type Representation struct {
	Name, Text string // Text says what it is
	IsText     bool
	Data       []byte
}

// Executables describes what the driver made of a pipeline built with Statistics or
// Representations.
func (p *Pipeline) Executables() ([]Executable, error) {
	if !p.stats && !p.forms {
		return nil, fmt.Errorf("vk: pipeline %q was built without statistics", p.name)
	}
	d := p.d
	d.count.other.Add(1)
	list, r := d.fn.executables(p.handle, p.stats)
	if err := d.check("vkGetPipelineExecutablePropertiesKHR", r); err != nil || !p.forms {
		return list, err
	}
	for i := range list {
		if list[i].Representations, r = d.fn.representations(p.handle, i); r < 0 {
			return nil, d.check("vkGetPipelineExecutableInternalRepresentationsKHR", r)
		}
	}
	return list, nil
}

// captureFlags are VkPipelineCreateFlagBits.
func (p *Pipeline) captureFlags() (flags uint32) {
	if p.stats {
		flags |= captureStatistics
	}
	if p.forms {
		flags |= captureRepresentations
	}
	return flags
}
