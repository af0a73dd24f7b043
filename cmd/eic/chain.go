package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"eic/internal/othercommand"
)

// parseChain reads --chain.
func parseChain(line string) (othercommand.Command, error) {
	if line == "" {
		return othercommand.Command{}, nil
	}
	c, err := othercommand.Parse(line)
	if err == nil && c.IsThisProgram() {
		err = errors.New("the command is this program itself")
	}
	return c, err
}

// catchSignals lets the signals that would end this process end ctx instead, so
// that a chained command ends with it.
func catchSignals(ctx context.Context) (context.Context, context.CancelFunc) {
	// A signal that is ignored here would be in the command too, and sshd's
	// commands die of SIGPIPE. One that is caught is not; what is written here
	// still only fails.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
}
