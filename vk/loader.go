package vk

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// loaderNames are the shared libraries that hold a Vulkan loader, or a driver that can
// do without one, in the order they are tried. The binding's own loader looks for
// libvulkan.so, which only development packages install.
func loaderNames(goos string) []string {
	switch goos {
	case "windows":
		return []string{"vulkan-1.dll"}
	case "darwin":
		return []string{
			"libvulkan.1.dylib", "libvulkan.dylib", "libMoltenVK.dylib",
			"/opt/homebrew/lib/libvulkan.1.dylib", "/usr/local/lib/libvulkan.1.dylib",
			"/opt/homebrew/lib/libMoltenVK.dylib", "/usr/local/lib/libMoltenVK.dylib",
		}
	}
	return []string{"libvulkan.so.1", "libvulkan.so"}
}

// remedy says how to get a Vulkan driver.
func remedy(goos string) string {
	switch goos {
	case "windows":
		return "install the GPU vendor's driver"
	case "darwin":
		return "install MoltenVK (brew install molten-vk vulkan-loader)"
	}
	return "install the GPU's driver; on Debian or Ubuntu: apt install libvulkan1 mesa-vulkan-drivers (mesa-vulkan-drivers also runs without a GPU)"
}

func noLoader(goos string) error {
	return fmt.Errorf("vk: %w: no Vulkan loader (tried %s): %s", ErrNoDevice, strings.Join(loaderNames(goos), ", "), remedy(goos))
}

// loader is the process's Vulkan library. The binding keeps its functions in global
// variables, so there is one, opened once.
var loader struct {
	sync.Mutex
	gipa unsafe.Pointer // vkGetInstanceProcAddr
}

// load opens the library and hands it to the binding. The caller holds loader's lock.
func load() error {
	if loader.gipa != nil {
		return nil
	}
	var gipa unsafe.Pointer
	for _, name := range loaderNames(runtime.GOOS) {
		if gipa = openLoader(name); gipa != nil {
			break
		}
	}
	if gipa == nil {
		return noLoader(runtime.GOOS)
	}
	vulkan.SetGetInstanceProcAddr(gipa)
	if err := vulkan.Init(); err != nil {
		return fmt.Errorf("vk: %w", err)
	}
	loader.gipa = gipa
	return nil
}
