package weights

import (
	"fmt"
	"runtime/debug"
)

// Guard runs read, which touches the tensor's data, and makes an error of a page that
// cannot be read: the file was cut short since it was opened, or its disk fails. Without
// it that ends the program. It holds for Go code on this goroutine.
func (t *Tensor) Guard(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // documented at SetPanicOnFault
			err = fmt.Errorf("weights: %s: tensor %q can no longer be read: the file was cut short since it was opened, or its disk fails", t.path, t.Name)
		default:
			panic(fault)
		}
	}()
	return read()
}
