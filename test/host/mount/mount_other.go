//go:build !linux

// Package mount mounts and unmounts file systems on Linux. Elsewhere its functions return errors,
// so that packages that use them still compile.
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
