//go:build !linux

package othercommand

import (
	"errors"
	"syscall"
)

// checkPlatform fails: elsewhere a command could outlive us.
func checkPlatform() error { return errors.New("running another AuthorizedKeysCommand needs Linux") }

// Neither is called where checkPlatform fails.
func ownGroup() *syscall.SysProcAttr { return nil }
func awaitExit(int)                  {}
