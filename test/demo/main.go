// Command demo shows what eic is for, on any machine. A key is pushed to a stand-in
// for AWS, eic gives it to a real sshd, and a real ssh logs in with it. Another user
// is refused, and so is the same key once it has expired.
//
// As root, the demo runs in new namespaces, which end with it. Without root there is no sshd,
// and the demo runs eic directly.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"eic/test/host"
)

func main() {
	binary := pflag.String("eic", "", "show this `FILE` instead of building eic")
	interactive := pflag.Bool("shell", false, "open a shell on the demo's network instead of showing it")
	pflag.Parse()
	os.Exit(run(*binary, *interactive))
}

// run shows the steps that this machine and user allow, and returns the exit status.
func run(binary string, interactive bool) int {
	inside := func() int { return perform(openHost, show) }
	if interactive {
		if missing := missingForShell(); missing != "" {
			fmt.Fprintln(os.Stderr, "demo: "+missing)
			return 1
		}
		inside = func() int { return perform(openHost, shell) }
	} else if os.Geteuid() != 0 {
		return perform(func(ctx context.Context) (*stage, error) { return openLoopback(ctx, binary) }, show)
	}
	return host.Run(
		func(ctx context.Context, dir string) error { return obtain(ctx, binary, dir) },
		inside)
}

// obtain puts a program eic into a directory: a copy of binary, or a new build.
func obtain(ctx context.Context, binary, dir string) error {
	if binary == "" {
		fmt.Println("Building eic ...")
		return host.Build(ctx, dir)
	}
	text, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, filepath.Base(host.Binary)), text, 0o755)
}

// show shows every step on a stage.
func show(ctx context.Context, s *stage) error {
	if !(&demo{stage: s, out: os.Stdout}).show(ctx) {
		return errors.New("not everything came out as expected")
	}
	return nil
}

// perform opens a stage, uses it, and closes it, even on an interrupt.
func perform(open func(context.Context) (*stage, error), use func(context.Context, *stage) error) int {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	s, err := open(ctx)
	if err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		return 1
	}
	defer s.close()
	err = use(ctx, s)
	switch {
	case ctx.Err() != nil:
		fmt.Println("\nInterrupted; cleaning up.")
		return 130
	case err != nil:
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		return 1
	}
	return 0
}
