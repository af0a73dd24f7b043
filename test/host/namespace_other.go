//go:build !linux

package host

import "syscall"

// ownNamespaces is never called, because Run returns an error before.
func ownNamespaces() *syscall.SysProcAttr { return nil }
