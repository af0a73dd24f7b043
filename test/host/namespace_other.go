//go:build !linux

package host

import "syscall"

// ownNamespaces is never called: Run has refused before.
func ownNamespaces() *syscall.SysProcAttr { return nil }
