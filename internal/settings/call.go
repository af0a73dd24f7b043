package settings

import (
	"context"

	"eic/internal/cmdline"
)

// Call is one call of authorized-keys, as sshd makes it.
type Call struct {
	*Settings
	// User and Fingerprint are sshd's %u and %f. Fingerprint may be empty.
	User, Fingerprint string
	// Flags are the flags as they were given.
	Flags []string
}

// CallArguments are the arguments of a Call in a usage line.
const CallArguments = "USER [FINGERPRINT]"

// NewCall returns a Call that nothing was read into yet.
func NewCall() *Call { return &Call{Settings: New()} }

// Complete takes the arguments of the line, which was read, and reads and checks
// the Settings as Read does.
func (c *Call) Complete(ctx context.Context, line cmdline.Line, files Files) error {
	c.User, c.Fingerprint = line.Arg(0), line.Arg(1)
	if err := c.Read(ctx, files); err != nil {
		return err
	}
	return c.CheckFingerprint(line.NArg() == 2, c.Fingerprint)
}

// ParseCall reads the arguments of authorized-keys as that command does.
func ParseCall(ctx context.Context, args []string, files Files) (Call, error) {
	line, call := cmdline.New("authorized-keys", CallArguments, 1, 2), NewCall()
	call.Register(line.FlagSet)
	err := line.Read(args)
	if err == nil {
		err = call.Complete(ctx, line, files)
	}
	if err != nil {
		return Call{}, err
	}
	call.Flags = args[:len(args)-line.NArg()]
	if n := len(call.Flags); n > 0 && call.Flags[n-1] == "--" {
		call.Flags = call.Flags[:n-1]
	}
	return *call, nil
}
