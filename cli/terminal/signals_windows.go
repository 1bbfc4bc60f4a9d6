package terminal

// signals: a Windows console sends none of those that others do. The next key
// sees a new size.
type signals struct{}

func (*signals) watch(*Terminal) {}
func (*signals) changed(mode)    {}
func (*signals) end()            {}

// stopped does nothing: no program can be stopped and go on there.
func (t *Terminal) stopped() error { return nil }
