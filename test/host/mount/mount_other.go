//go:build !linux

// Package mount makes and undoes mounts, on Linux. Elsewhere it says that it cannot, so
// that what uses it can be compiled and looked at there.
package mount

import "errors"

// Flags of Mount.
const (
	NoSUID = iota
	NoDev
	NoExec
	Private
)

// Mount fails.
func Mount(_, _, _ string, _ uintptr, _ string) error { return errors.New("mounting needs Linux") }

// Unmount fails.
func Unmount(string) error { return errors.New("unmounting needs Linux") }
