package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"eic/internal/cmdline"
	"eic/internal/enable"
	"eic/internal/printable"
	"eic/internal/settings"
	"eic/internal/sshd"
)

const enableAbout = `Makes sshd run "eic authorized-keys" as the system user _eic, and makes that user
if there is none. The flags of authorized-keys that are given here are written
into sshd's configuration, in place of those that an earlier "eic enable" wrote
there. Where one of those would be gone, nothing is changed without --replace.
What shall count for every login is better written into /etc/eic/eic.conf.

Nothing is changed where somebody else's AuthorizedKeysCommand is in force: the
file and line that set it are named, and what can be done. What is written is
tested by sshd before it counts, put back if sshd refuses it, if it would change
anything else that sshd does, or if eic is interrupted, and taken into use by a
reload.

Exit status: 0 done, or there was nothing to do; 1 failed; 2 called wrongly;
3 another command is in force, the account _eic is somebody else's, something else
would change, or flags would be gone, and nothing was changed; 4 with --dry-run,
something would change.`

const disableAbout = `Takes out of sshd's configuration what "eic enable" put in, and leaves every
file as it was before. What somebody edited since is left alone.

Exit status: 0 done, or there was nothing to do; 1 failed; 2 called wrongly;
3 our lines were edited, and nothing was changed; 4 with --dry-run, something
would change.`

// exitConflict is for a configuration that is somebody else's.
const exitConflict = 3

// exitDiffers is for a dry run that would change something.
const exitDiffers = 4

// existingCommand is what --chain stands for without a value.
const existingCommand = "existing"

// enabling is one call of enable.
type enabling struct {
	settings *settings.Settings
	options  enable.Options
	host     sshd.Host
	// restore names a file of disabling.save's, or is empty.
	restore string
}

func (e *enabling) needsRoot() {}

func (e *enabling) register(line cmdline.Line) {
	line.BoolVar(&e.options.DryRun, "dry-run", false, "only say what would change, as a diff")
	line.BoolVar(&e.options.ReplaceInstanceConnect, "replace-ec2-instance-connect", false, "put eic in the place of the older package ec2-instance-connect")
	line.BoolVar(&e.options.Replace, "replace", false, "drop flags that an earlier call wrote and that are not given now")
	line.BoolVar(&e.options.Keep, "keep", false, "leave the flags of an entry of eic's that is there already as they are (for packages)")
	line.BoolVar(&e.options.Upgrade, "upgrade", false, "bring an entry of eic's up to date as --keep does, and write none where there is none (for upgrades of packages)")
	line.StringVar(&e.restore, "restore", "", "write the entry that \"eic disable --save=`FILE`\" took out, and nothing if it took none out (for packages)")
	line.BoolVar(&e.options.SELinuxAllowsChain, "selinux-allows-chain", false, "take it that SELinux's policy lets eic's domain do what the command of --chain needs")
	reloadFlag(line, &e.host)
	e.settings = settings.New()
	e.settings.Register(line.FlagSet)
	chain := line.Lookup("chain")
	chain.NoOptDefVal = existingCommand
	chain.Usage = "run another AuthorizedKeysCommand as well: `COMMAND`, or without it the one that is in force now"
}

func (e *enabling) check(ctx context.Context, line cmdline.Line) error {
	if chain := line.Lookup("chain"); chain.Value.String() == existingCommand {
		e.options.Chain = true
		if err := chain.Value.Set(""); err != nil {
			return err
		}
		chain.Changed = false
	}
	if err := e.settings.Read(ctx, settings.Files{Host: settings.File}); err != nil {
		return err
	}
	e.options.Flags, e.options.KeyOptions = e.settings.Given(), e.settings.Policy.KeyOptions
	return e.settings.CheckPaths()
}

func (e *enabling) run(ctx context.Context, stdout, stderr io.Writer) int {
	ctx, release := catchSignals(ctx)
	defer release()
	if e.restore != "" {
		saved, err := readSaved(e.restore)
		if err != nil || saved == nil {
			return tellChange("enable", enable.Result{}, e.options.DryRun, err, stdout, stderr)
		}
		e.options.Saved, e.options.ReplaceInstanceConnect = saved, true
	}
	result, err := enable.Add(ctx, e.host, e.options)
	return tellChange("enable", result, e.options.DryRun, err, stdout, stderr)
}

// disabling is one call of disable.
type disabling struct {
	dryRun bool
	host   sshd.Host
	// save names a file for the arguments of the entry that is taken out.
	save string
}

func (d *disabling) needsRoot() {}

func (d *disabling) register(line cmdline.Line) {
	line.BoolVar(&d.dryRun, "dry-run", false, "only say what would change, as a diff")
	line.StringVar(&d.save, "save", "", "keep the flags that are taken out in `FILE` for a later enable (for packages)")
	reloadFlag(line, &d.host)
}

// reloadFlag adds the flag by which a package has sshd reloaded as its distribution wants.
func reloadFlag(line cmdline.Line, host *sshd.Host) {
	line.StringVar(&host.ReloadWith, "reload-with", "", "reload a running sshd with `COMMAND`, which may refuse with exit status 101 (for packages)")
}

func (d *disabling) check(context.Context, cmdline.Line) error { return nil }

func (d *disabling) run(ctx context.Context, stdout, stderr io.Writer) int {
	ctx, release := catchSignals(ctx)
	defer release()
	result, err := enable.Remove(ctx, d.host, d.dryRun)
	if err == nil && d.save != "" && !d.dryRun {
		err = writeSaved(d.save, result.Removed)
	}
	return tellChange("disable", result, d.dryRun, err, stdout, stderr)
}

// tellChange says what happened to sshd's configuration.
func tellChange(command string, result enable.Result, dryRun bool, err error, stdout, stderr io.Writer) int {
	stdout = printable.Writer{To: stdout} // the diff has lines of other people's files
	for _, line := range slices.Concat([]string{outcome(result, dryRun, err)}, result.Notes) {
		if line != "" {
			fmt.Fprintln(stdout, line)
		}
	}
	if dryRun {
		fmt.Fprint(stdout, result.Diff)
	}
	switch {
	case err == nil && dryRun && result.Changed:
		return exitDiffers
	case err == nil:
		return exitOK
	}
	fmt.Fprintf(stderr, "eic %s: %v\n", command, err)
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
	case result.NotReloaded != "":
		return "sshd's configuration was changed and tested. sshd was not reloaded: " + result.NotReloaded
	default:
		return "sshd's configuration was changed and tested. No running sshd had to be reloaded."
	}
}
