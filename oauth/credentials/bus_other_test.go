//go:build !linux

package credentials

func systemKeyringRole() error { return nil }
