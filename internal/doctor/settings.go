package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"eic/internal/settings"
	"eic/internal/trustedfile"
)

// checkSettings reads the host's file of settings as authorized-keys does. It lists the
// settings: the lines of that file, the lines of a file of --config, and the flags of
// sshd's command.
func checkSettings(ctx context.Context, e *exam) Finding {
	host, err := settings.Load(ctx, e.Files)
	if err != nil {
		return broken(settingsRemedy(err), "%v; no key is printed until it is corrected", err)
	}
	file := new(settings.FileError)
	if errors.As(e.command.err, &file) {
		return broken(settingsRemedy(file), "%v; no key is printed until it is corrected", file)
	}
	entries, flags := host.Entries, []string(nil)
	if e.command.ours && e.command.err == nil {
		entries, flags = e.command.call.Entries, e.command.call.Given()
	}
	var inForce []string
	for _, flag := range flags {
		inForce = append(inForce, fmt.Sprintf("%s (sshd's command)", flag))
	}
	for _, entry := range entries {
		if !entry.Overridden {
			inForce = append(inForce, fmt.Sprintf("%s %s (%s line %d)", entry.Flag, entry.Value, entry.File, entry.Line))
		}
	}
	if len(inForce) == 0 {
		return ok("nothing is set")
	}
	return ok("%s", strings.Join(inForce, ", "))
}

func settingsRemedy(err error) string {
	fault, file := new(trustedfile.Error), new(settings.FileError)
	switch {
	case errors.As(err, &fault) && fault.Remedy != "":
		return fault.Remedy
	case errors.As(err, &file) && file.Line > 0:
		return fmt.Sprintf("correct line %d of %s; see eic.conf(5)", file.Line, file.File)
	case errors.Is(err, fs.ErrNotExist):
		return "remove --config from sshd's command, or create the file"
	}
	return "make it a regular file that root owns, with mode 0644; see eic.conf(5)"
}
