package settings

import (
	"context"

	"eic/internal/cmdline"
)

// Call is one invocation of authorized-keys by sshd.
type Call struct {
	*Settings
	// User and Fingerprint are sshd's %u and %f. Fingerprint may be empty.
	User, Fingerprint string
	// Flags are the flags as given.
	Flags []string
}

// CallArguments are the arguments of authorized-keys in a usage line.
const CallArguments = "USER [FINGERPRINT]"

// NewCall returns a Call with default settings.
func NewCall() *Call { return &Call{Settings: New()} }

// Complete sets User and Fingerprint from the arguments of a parsed line, and then reads
// and checks the Settings as Read does.
func (c *Call) Complete(ctx context.Context, line cmdline.Line, files Files) error {
	c.User, c.Fingerprint = line.Arg(0), line.Arg(1)
	if err := c.Read(ctx, files); err != nil {
		return err
	}
	return c.CheckFingerprint(line.NArg() == 2, c.Fingerprint)
}

// ParseCall parses the arguments of authorized-keys as that command does.
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
