//go:build !linux

package confine

import "errors"

// Confine fails: what it gives up, it gives up through the kernel of Linux.
func Confine(Needs) error { return errors.New("confining the process needs Linux") }

// Become fails likewise.
func Become(uint32, uint32) error { return errors.New("becoming another user needs Linux") }

// Undumpable does nothing.
func Undumpable() error { return nil }
