package adb

// Forget takes back every permission that was given.
func (a *Auth) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys = nil
}
