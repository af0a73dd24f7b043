//go:build !linux

package confine

import "errors"

// Confine returns an error, because it depends on the Linux kernel.
func Confine(Needs) error { return errors.New("confining the process needs Linux") }

// Become returns an error, as Confine does.
func Become(uint32, uint32, ...int) error { return errors.New("becoming another user needs Linux") }

// Undumpable does nothing.
func Undumpable() error { return nil }
