package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"eic/internal/enable"
	"eic/internal/printable"
	"eic/internal/sshd"
)

const enableAbout = `Makes sshd run "eic authorized-keys" as the system user eic. The flags of
authorized-keys that are given here are written into sshd's configuration, in
place of those that an earlier "eic enable" wrote there.

Nothing is changed where somebody else's AuthorizedKeysCommand is in force: the
file and line that set it are named, and what can be done. What is written is
tested by sshd before it counts, put back if sshd refuses it, and taken into use
by a reload.

Exit status: 0 done, or there was nothing to do; 1 failed; 2 called wrongly;
3 another command is in force, and nothing was changed.`

const disableAbout = `Takes out of sshd's configuration what "eic enable" put in, and leaves every
file as it was before. What somebody edited since is left alone.

Exit status: 0 done, or there was nothing to do; 1 failed; 2 called wrongly;
3 our lines were edited, and nothing was changed.`

// exitConflict is for a configuration that is somebody else's.
const exitConflict = 3

// existingCommand is what --chain stands for without a value.
const existingCommand = "existing"

func runEnable(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := newFlags("enable", "", enableAbout)
	var o enable.Options
	flags.BoolVar(&o.DryRun, "dry-run", false, "only say what would change, as a diff")
	flags.BoolVar(&o.ReplaceInstanceConnect, "replace-ec2-instance-connect", false, "put eic in the place of the older package ec2-instance-connect")
	flags.BoolVar(&o.Keep, "keep", false, "leave an entry of eic's that is there already as it is, flags and all (for upgrades of packages)")
	own := []string{"dry-run", "replace-ec2-instance-connect", "keep"}
	var t terms
	t.register(flags)
	var l logging
	l.register(flags)
	chain := flags.Lookup("chain")
	chain.NoOptDefVal = existingCommand
	chain.Usage = "run another AuthorizedKeysCommand as well: `COMMAND`, or without it the one that is in force now"
	if status, done := flags.parse(args, 0, 0, stdout, stderr); done {
		return status
	}
	if t.chain == existingCommand {
		o.Chain, t.chain = true, ""
		own = append(own, chain.Name)
	}
	o.Flags = givenFlags(flags, own)
	err := t.check(ctx, flags)
	if err == nil {
		_, err = l.open(stderr)
	}
	if err == nil {
		err = t.checkPaths()
	}
	if err != nil {
		flags.wrong(stderr, err)
		return exitUsage
	}
	result, err := enable.Add(ctx, sshd.Host{}, o)
	return tellChange(flags, result, o.DryRun, err, stdout, stderr)
}

// checkPaths refuses names of files that mean something else to sshd, which
// runs its command in another folder.
func (t *terms) checkPaths() error {
	if t.anchorsInFile() && !filepath.IsAbs(t.anchors) {
		return fmt.Errorf("--trust-anchors: %q is neither auto, system nor an absolute path", t.anchors)
	}
	if t.config != "" && !filepath.IsAbs(t.config) {
		return fmt.Errorf("--config: %q is not an absolute path", t.config)
	}
	return nil
}

func runDisable(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := newFlags("disable", "", disableAbout)
	dryRun := flags.Bool("dry-run", false, "only say what would change, as a diff")
	if status, done := flags.parse(args, 0, 0, stdout, stderr); done {
		return status
	}
	result, err := enable.Remove(ctx, sshd.Host{}, *dryRun)
	return tellChange(flags, result, *dryRun, err, stdout, stderr)
}

// tellChange says what happened to sshd's configuration.
func tellChange(flags flagSet, result enable.Result, dryRun bool, err error, stdout, stderr io.Writer) int {
	stdout = printable.Writer{To: stdout} // the diff has lines of other people's files
	for _, line := range slices.Concat([]string{outcome(result, dryRun, err)}, result.Notes) {
		if line != "" {
			fmt.Fprintln(stdout, line)
		}
	}
	if dryRun {
		fmt.Fprint(stdout, result.Diff)
	}
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "eic %s: %v\n", flags.Name(), err)
	var conflict *enable.ConflictError
	if errors.As(err, &conflict) {
		return exitConflict
	}
	return exitFailed
}

func outcome(result enable.Result, dryRun bool, err error) string {
	switch {
	case err != nil && !result.Changed:
		return ""
	case !result.Changed:
		return "sshd's configuration is as wanted already."
	case dryRun:
		return "sshd's configuration would change like this:"
	case result.Reloaded != "":
		return "sshd's configuration was changed and tested, and " + result.Reloaded + " reloaded."
	default:
		return "sshd's configuration was changed and tested. No running sshd had to be reloaded."
	}
}
