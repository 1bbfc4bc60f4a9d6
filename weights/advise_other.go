//go:build !linux && !darwin

package weights

// Ahead leaves it to the system when a mapped file's pages are read.
func (m *Model) Ahead(*Tensor, int, int) {}

// release leaves it to the system when they are given back.
func (m *Model) release(*Tensor, int, int) {}

// Rest leaves it to the system too.
func (m *Model) Rest() {}
