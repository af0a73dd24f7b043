package doctor

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"eic/internal/selinux"
	"eic/internal/sshd"
)

const (
	auditLog = "var/log/audit/audit.log"
	// auditTail is how much of the audit log's end is read, in bytes.
	auditTail = 1 << 20
	// recent is the greatest age of a denial that is reported.
	recent = 24 * time.Hour
)

// denial is an AVC record of SELinux about the command.
type denial struct {
	time time.Time
	text string
}

// checkDenials looks for recent SELinux denials of the command. Without eic's policy
// module, more will follow. With it, they may be from before the module was installed.
func checkDenials(_ context.Context, e *exam) Finding {
	if e.seMode() == selinux.Absent {
		return notChecked("nothing, if SELinux is not wanted", "SELinux is not in use")
	}
	log, err := tail(e.Root, auditLog, auditTail)
	if err != nil {
		return notChecked("run eic doctor as root; where auditd does not run: journalctl -k -g avc", "%v", err)
	}
	var found []denial
	for line := range strings.Lines(log) {
		if d, yes := parseDenial(line); yes && e.Now.Sub(d.time) < recent {
			found = append(found, d)
		}
	}
	if len(found) == 0 {
		return ok("none of the command in the last %d hours", int(recent.Hours()))
	}
	last := found[len(found)-1]
	text := fmt.Sprintf("%d of the command in the last %d hours, the last one at %s: %.300q",
		len(found), int(recent.Hours()), last.time.UTC().Format(time.RFC3339), last.text)
	if loaded, err := selinux.HasModule(e.Root); err == nil && !loaded {
		return broken("install the package eic-selinux", "%s", text)
	}
	return warning("if more follow, report the output of ausearch -m avc -c eic", "%s", text)
}

// parseDenial parses a line of the audit log. It accepts only an enforced denial of the
// command, or of starting the command:
//
//	type=AVC msg=audit(1364481363.243:24287): avc:  denied  { name_connect } for  pid=2465 comm="eic" dest=80 scontext=… tclass=tcp_socket permissive=0
func parseDenial(line string) (denial, bool) {
	head, text, found := strings.Cut(strings.TrimSpace(line), "): avc:  denied  ")
	stamp, isAVC := strings.CutPrefix(head, "type=AVC msg=audit(")
	if !found || !isAVC {
		return denial{}, false
	}
	seconds, _, _ := strings.Cut(stamp, ".")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return denial{}, false
	}
	about := false
	for field := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(field, "=")
		value = strings.Trim(value, `"`)
		switch name {
		case "comm":
			about = about || value == ownName || value == sshd.AWSCommand[:15] // the kernel keeps 15 characters
		case "path":
			about = about || value == sshd.Program
		case "scontext":
			about = about || strings.Contains(value, ":"+selinux.Domain+":")
		case "permissive":
			if value == "1" {
				return denial{}, false
			}
		}
	}
	return denial{time.Unix(at, 0), text}, about
}

// tail returns the last bytes of a file, at most size of them.
func tail(root fs.FS, name string, size int64) (string, error) {
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if s, seekable := f.(io.Seeker); seekable && info.Size() > size {
		if _, err := s.Seek(-size, io.SeekEnd); err != nil {
			return "", err
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, size))
	return string(text), err
}
