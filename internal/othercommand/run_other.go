//go:build !linux

package othercommand

import (
	"errors"
	"os"
	"syscall"
)

// checkPlatform returns an error, because on other systems a command could outlive this
// process.
func checkPlatform() error { return errors.New("running another AuthorizedKeysCommand needs Linux") }

// These functions are never called, because checkPlatform fails first.
func ownGroup() *syscall.SysProcAttr           { return nil }
func awaitExit(int)                            {}
func signalOf(*os.ProcessState) syscall.Signal { return 0 }
