package doctor_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"eic/internal/doctor"
)

// forbidding is a file system of which a directory may not be read.
type forbidding struct {
	fstest.MapFS
	directory string
}

func (f forbidding) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == f.directory {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.MapFS.ReadDir(name)
}

const (
	ourModule   = "var/lib/selinux/targeted/active/modules/400/eic"
	olderStore  = "etc/selinux/targeted/active/modules/400/eic"
	selinuxFile = "etc/selinux/config"
)

// kernel is a kernel in which SELinux runs, with or without our module.
func kernel(enforce string, files ...string) func(*bench) {
	return func(b *bench) {
		b.files["sys/fs/selinux/enforce"] = owned(0o644, enforce)
		b.files[selinuxFile] = owned(0o644, "# SELINUX= takes one of three values\nSELINUX=enforcing\nSELINUXTYPE=targeted\n")
		for _, name := range files {
			b.files[name] = owned(fs.ModeDir|0o700, "")
		}
		b.Label = func(string) (string, error) { return "system_u:object_r:eic_exec_t:s0", nil }
	}
}

func TestSELinux(t *testing.T) {
	label := func(label string, err error) func(*bench) {
		return func(b *bench) {
			kernel("1", ourModule)(b)
			b.Label = func(string) (string, error) { return label, err }
		}
	}
	image := func(setting string, files ...string) func(*bench) {
		return func(b *bench) {
			kernel("1", files...)(b)
			delete(b.files, "sys/fs/selinux/enforce")
			b.files[selinuxFile] = owned(0o644, "SELINUX="+setting+"\n")
			b.Offline = true
		}
	}
	requireTroubles(t, map[string]trouble{
		"is not in use": {check: "selinux", verdict: doctor.NotChecked, found: "not in use"},
		"gives the command its domain": {damage: kernel("1", ourModule),
			check: "selinux", verdict: doctor.OK, found: "eic_exec_t"},
		"of Amazon Linux 2 gives the command its domain": {damage: kernel("1", olderStore),
			check: "selinux", verdict: doctor.OK, found: "eic_exec_t"},
		"knows nothing of the command": {damage: kernel("1"),
			check: "selinux", verdict: doctor.Warning, found: `no module "eic"`},
		"is permissive": {damage: kernel("0"),
			check: "selinux", verdict: doctor.OK, found: "permissive"},
		"finds a program that was copied into place": {damage: label("unconfined_u:object_r:user_home_t:s0", nil),
			check: "selinux", verdict: doctor.Warning, found: `"unconfined_u:object_r:user_home_t:s0", expected type eic_exec_t`},
		"finds a program without a label": {damage: label("", errors.New("no data available")),
			check: "selinux", verdict: doctor.NotChecked, found: "no data available"},
		"shows its modules to root only": {
			damage: func(b *bench) {
				kernel("1")(b)
				b.Root = forbidding{b.files, "var/lib/selinux/targeted/active/modules"}
			},
			check: "selinux", verdict: doctor.NotChecked, found: "permission denied"},
		"will stop the image": {damage: image("enforcing"),
			check: "selinux", verdict: doctor.Warning, found: "enforcing"},
		"will not stop the image": {damage: image("enforcing", ourModule),
			check: "selinux", verdict: doctor.OK, found: "eic_exec_t"},
		"will be off in the image": {damage: image("disabled"),
			check: "selinux", verdict: doctor.NotChecked, found: "not in use"},
		"of a store that lies elsewhere": {
			damage: func(b *bench) {
				kernel("1", ourModule)(b)
				b.files[selinuxFile] = owned(0o644, "SELINUXTYPE=../../tmp\n")
			},
			check: "selinux", verdict: doctor.OK, found: "eic_exec_t"},
	})
}

// avc is a line of the audit log, so long ago.
func avc(ago time.Duration, rest string) string {
	return fmt.Sprintf("type=AVC msg=audit(%d.243:24287): avc:  denied  %s\n", time.Now().Add(-ago).Unix(), rest)
}

func TestSELinuxDenials(t *testing.T) {
	const connect = `{ name_connect } for  pid=2465 comm="eic" dest=80 scontext=system_u:system_r:sshd_t:s0-s0:c0.c1023 tcontext=system_u:object_r:http_port_t:s0 tclass=tcp_socket permissive=0`
	logged := func(lines ...string) func(*bench) {
		return func(b *bench) {
			kernel("1", ourModule)(b)
			b.files["var/log/audit/audit.log"] = owned(0o600, strings.Join(lines, ""))
		}
	}
	requireTroubles(t, map[string]trouble{
		"where SELinux is not in use": {check: "selinux-denials", verdict: doctor.NotChecked, found: "not in use"},
		"that only root may read of":  {damage: kernel("1"), check: "selinux-denials", verdict: doctor.NotChecked, found: "audit.log"},
		"of others": {
			damage: logged(avc(0, strings.ReplaceAll(connect, `comm="eic"`, `comm="eicd"`)), "type=USER_LOGIN msg=audit(1.1:1): eic\n"),
			check:  "selinux-denials", verdict: doctor.OK, found: "none"},
		"of two days ago": {damage: logged(avc(48*time.Hour, connect)),
			check: "selinux-denials", verdict: doctor.OK, found: "none"},
		"that denied nothing": {damage: logged(avc(0, strings.Replace(connect, "permissive=0", "permissive=1", 1))),
			check: "selinux-denials", verdict: doctor.OK, found: "none"},
		"that go on": {
			damage: func(b *bench) {
				logged(avc(time.Hour, connect), avc(time.Minute, connect))(b)
				delete(b.files, ourModule)
			},
			check: "selinux-denials", verdict: doctor.Broken, found: "2 of the command in the last 24 hours"},
		"that may be over": {damage: logged(avc(time.Hour, connect)),
			check: "selinux-denials", verdict: doctor.Warning, found: "name_connect"},
		"by its old name": {damage: logged(avc(0, strings.Replace(connect, `comm="eic"`, `comm="eic_run_authori"`, 1))),
			check: "selinux-denials", verdict: doctor.Warning, found: "1 of the command"},
		"of what it chains": {damage: logged(avc(0, `{ read } for comm="keys" scontext=system_u:system_r:eic_t:s0 tclass=file`)),
			check: "selinux-denials", verdict: doctor.Warning, found: "{ read }"},
		"of starting it": {damage: logged(avc(0, `{ execute } for comm="sshd" path="/usr/bin/eic" scontext=system_u:system_r:sshd_t:s0`)),
			check: "selinux-denials", verdict: doctor.Warning, found: "{ execute }"},
		"at the end of a log without end": {damage: logged(strings.Repeat("type=USER_LOGIN msg=audit(1.1:1): x\n", 50_000), avc(0, connect)),
			check: "selinux-denials", verdict: doctor.Warning, found: "1 of the command"},
		"by somebody who forges lines": {damage: logged("type=AVC msg=audit(soon): avc:  denied  "+connect+"\n", avc(0, `comm="eic" `+"\x1b[2J")),
			check: "selinux-denials", verdict: doctor.Warning, found: `\x1b[2J`},
	})
}

func TestTheOlderPackage(t *testing.T) {
	const unit = "systemd/system/ssh.service.d/ec2-instance-connect.conf"
	requireTroubles(t, map[string]trouble{
		"is not there": {check: "older-package", verdict: doctor.OK, found: "none"},
		"has its scripts there": {
			damage: func(b *bench) {
				b.files["opt/aws/bin/eic_run_authorized_keys"] = owned(0o755, "#!/bin/sh\n")
			},
			check: "older-package", verdict: doctor.Warning, found: "/opt/aws/bin/eic_run_authorized_keys"},
		"has left its name to us": {
			damage: func(b *bench) {
				b.files["usr/share/ec2-instance-connect/eic_run_authorized_keys"] = link("/usr/bin/eic")
			},
			check: "older-package", verdict: doctor.OK, found: "none"},
		"is on sshd's command line": {
			damage: func(b *bench) { b.files["usr/lib/"+unit] = owned(0o644, "[Service]\n") },
			check:  "older-package", verdict: doctor.Warning, found: "/usr/lib/" + unit},
		"left the file of its version 2": {
			damage: func(b *bench) {
				b.files["etc/ssh/sshd_config.d/60-ec2-instance-connect.conf"] = owned(0o644, "")
			},
			check: "older-package", verdict: doctor.Warning, found: "version 2 of the package left /etc/ssh/sshd_config.d/60-ec2-instance-connect.conf"},
		"is there in its version 2": {
			damage: func(b *bench) {
				b.files["etc/ssh/sshd_config.d/60-ec2-instance-connect.conf"] = owned(0o644, "")
				b.files["opt/aws/bin/eic_run_authorized_keys"] = owned(0o755, "")
			},
			check: "older-package", verdict: doctor.Warning,
			found: `["/opt/aws/bin/eic_run_authorized_keys" "/etc/ssh/sshd_config.d/60-ec2-instance-connect.conf"]`},
		"still sends host keys to AWS": {
			damage: func(b *bench) {
				b.files["usr/lib/systemd/system/ssh.service.d/harvest.conf"] = owned(0o644, "[Service]\nExecStartPost=-/opt/aws/bin/eic_harvest_hostkeys\n")
			},
			check: "older-package", verdict: doctor.Warning, found: `call eic_harvest_hostkeys, which AWS retired in July 2022: ["/usr/lib/systemd/system/ssh.service.d/harvest.conf"]`},
		"was taken off sshd's command line": {
			damage: func(b *bench) {
				b.files["usr/lib/"+unit] = owned(0o644, "[Service]\n")
				b.files["etc/"+unit] = link("/dev/null")
				b.files["dev/null"] = owned(fs.ModeDevice|fs.ModeCharDevice|0o666, "")
			},
			check: "older-package", verdict: doctor.OK, found: "none"},
	})
}
