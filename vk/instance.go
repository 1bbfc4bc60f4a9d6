package vk

import (
	"errors"
	"fmt"
	"runtime/cgo"
	"sync"

	vulkan "github.com/vulkan-go/vulkan"
)

// Config says how to open Vulkan.
type Config struct {
	// Validation turns on the Khronos validation layer with synchronization validation;
	// Open fails if the layer is not installed.
	Validation bool
	// OnMessage gets each warning and error of the validation layer, one at a time, on
	// the goroutine that caused it or another. Nil drops them. It must not call back
	// into this package.
	OnMessage func(Message)
	// Shader, unless nil, gives what is compiled in place of each shader: with it tests make a
	// driver that compiles wrongly.
	Shader func(name string, spirv []byte) []byte
	// Fault, unless nil, is asked before each operation, from many goroutines: an error is the operation's.
	// ErrDeviceLost loses the device, ErrTimeout and ErrOutOfMemory are of that operation alone. With it tests have
	// devices fail at any place.
	Fault func(Op) error
}

// Instance is an open Vulkan loader with its physical devices.
type Instance struct {
	handle     vulkan.Instance
	fn         instanceTable
	version    vulkan.Version // the Vulkan version asked for; a device may have less
	validation bool
	shader     func(name string, spirv []byte) []byte // Config.Shader
	fault      func(Op) error                         // Config.Fault
	labels     bool                                   // VK_EXT_debug_utils is on

	layer     vulkan.Version // that the validation layer is of, 0 without
	newer     newer          // than layer
	messages  cgo.Handle     // of a *messenger, 0 without validation
	messenger uint64

	devices []*PhysicalDevice

	mu     sync.Mutex
	open   int // devices not yet closed
	closed bool
}

const (
	validationLayer = "VK_LAYER_KHRONOS_validation"

	debugUtils             = "VK_EXT_debug_utils"
	validationFeatures     = "VK_EXT_validation_features"
	portabilityEnumeration = "VK_KHR_portability_enumeration"

	createEnumeratePortability = 1 // VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR
)

var minimumVersion = vulkan.Version(vulkan.MakeVersion(1, 2, 0))

// Open loads Vulkan and reads its devices. Without a loader or any driver the error is
// ErrNoDevice; an Instance whose devices are none is possible too (see Select).
func Open(cfg Config) (*Instance, error) {
	loader.Lock()
	defer loader.Unlock()
	if err := load(); err != nil {
		return nil, err
	}
	have := instanceVersion(loader.gipa)
	if have < minimumVersion {
		return nil, fmt.Errorf("vk: %w: the Vulkan loader knows only Vulkan %v, 1.2 is needed: update it", ErrNoDevice, have)
	}
	in := &Instance{version: min(have, vulkan.Version(vulkan.MakeVersion(1, 3, 0))), validation: cfg.Validation, shader: cfg.Shader, fault: cfg.Fault}
	info := instanceInfo{version: uint32(in.version)}
	extensions, err := instanceExtensions(loader.gipa, "")
	if err != nil {
		return nil, err
	}
	if extensions[portabilityEnumeration] {
		info.extensions = append(info.extensions, portabilityEnumeration)
		info.flags |= createEnumeratePortability
	}
	if cfg.Validation {
		if err := in.addValidation(&info, cfg.OnMessage, extensions); err != nil {
			return nil, err
		}
	}
	if extensions[debugUtils] {
		info.extensions = append(info.extensions, debugUtils)
		in.labels = true
	}
	if err := in.create(info); err != nil {
		in.destroy()
		return nil, err
	}
	return in, nil
}

func (in *Instance) addValidation(info *instanceInfo, onMessage func(Message), extensions map[string]bool) error {
	layers, err := instanceLayers(loader.gipa)
	if err != nil {
		return err
	}
	version, ok := layers[validationLayer]
	if !ok {
		return fmt.Errorf("vk: %s is not installed: on Debian or Ubuntu: apt install vulkan-validationlayers", validationLayer)
	}
	in.layer = version
	in.newer.init(version)
	info.layers = []string{validationLayer}
	own, err := instanceExtensions(loader.gipa, validationLayer)
	if err != nil {
		return err
	}
	if !own[validationFeatures] {
		return fmt.Errorf("vk: %s lacks %s: update it", validationLayer, validationFeatures)
	}
	info.extensions = append(info.extensions, validationFeatures)
	info.syncChecks = true
	if own[debugUtils] {
		extensions[debugUtils] = true
	}
	if onMessage == nil {
		onMessage = func(Message) {}
	}
	in.messages = cgo.NewHandle(&messenger{onMessage: onMessage, newer: &in.newer})
	info.messages = in.messages
	return nil
}

// create makes the instance and reads the devices. The caller holds loader's lock.
func (in *Instance) create(info instanceInfo) error {
	handle, r := createInstance(info)
	switch {
	case r == vulkan.ErrorIncompatibleDriver:
		return noDevices()
	case r != vulkan.Success:
		return resultError("vkCreateInstance", r)
	}
	in.handle = handle
	if err := vulkan.InitInstance(in.handle); err != nil {
		return fmt.Errorf("vk: %w", err)
	}
	in.fn = newInstanceTable(loader.gipa, in.handle)
	if in.messages != 0 {
		m, r := in.fn.newMessenger(in.messages)
		if r != vulkan.Success {
			return resultError("vkCreateDebugUtilsMessengerEXT", r)
		}
		in.messenger = m
	}
	return in.enumerate()
}

func (in *Instance) enumerate() error {
	for {
		var n uint32
		if r := vulkan.EnumeratePhysicalDevices(in.handle, &n, nil); r < 0 {
			if r == vulkan.ErrorInitializationFailed { // a driver is installed and finds no hardware
				return nil
			}
			return resultError("vkEnumeratePhysicalDevices", r)
		}
		if n == 0 {
			return nil
		}
		list := make([]vulkan.PhysicalDevice, n)
		switch r := vulkan.EnumeratePhysicalDevices(in.handle, &n, list); {
		case r == vulkan.Incomplete: // one appeared in between
			continue
		case r < 0:
			return resultError("vkEnumeratePhysicalDevices", r)
		}
		for i, h := range list[:n] {
			pd, err := in.read(i, h)
			if err != nil {
				return err
			}
			in.devices = append(in.devices, pd)
		}
		return nil
	}
}

// Devices lists the physical devices in the loader's order; Index is the position.
// Those with Caps.Unsupported set are listed too.
func (in *Instance) Devices() []*PhysicalDevice { return in.devices }

// LayerVersion is the version of Vulkan that the validation layer is of, such as 1.3.239, or
// "" without validation: what is newer, it does not know (see Message).
func (in *Instance) LayerVersion() string {
	if !in.validation {
		return ""
	}
	return in.layer.String()
}

// Close frees the instance, once its last open Device is closed too.
func (in *Instance) Close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return
	}
	in.closed = true
	if in.open == 0 {
		in.destroy()
	}
}

func (in *Instance) deviceOpened() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return errors.New("vk: the instance is closed")
	}
	in.open++
	return nil
}

func (in *Instance) deviceClosed() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.open--
	if in.closed && in.open == 0 {
		in.destroy()
	}
}

// destroy frees what create made, also when it failed midway.
func (in *Instance) destroy() {
	if in.messenger != 0 {
		in.fn.freeMessenger(in.messenger)
		in.messenger = 0
	}
	if in.handle != nil {
		vulkan.DestroyInstance(in.handle, nil)
		in.handle = nil
	}
	in.fn.free()
	in.fn = instanceTable{}
	if in.messages != 0 { // after DestroyInstance: it may send messages
		in.messages.Delete()
		in.messages = 0
	}
}
