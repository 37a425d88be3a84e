package art

// Machine is the VM that the thread is of.
func (t *Thread) Machine() *Machine { return t.machine }
