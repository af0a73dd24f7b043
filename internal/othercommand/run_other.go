//go:build !linux

package othercommand

import (
	"errors"
	"os"
	"syscall"
)

// checkPlatform fails: elsewhere a command could outlive us.
func checkPlatform() error { return errors.New("running another AuthorizedKeysCommand needs Linux") }

// None of these is called where checkPlatform fails.
func ownGroup() *syscall.SysProcAttr           { return nil }
func awaitExit(int)                            {}
func signalOf(*os.ProcessState) syscall.Signal { return 0 }
