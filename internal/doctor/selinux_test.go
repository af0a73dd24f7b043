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

// forbidding is a file system with a directory that cannot be read.
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

// kernel makes a host with SELinux in this mode. Files may include the policy's module eic.
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
		"SELinux is not in use": {check: "selinux", verdict: doctor.NotChecked, found: "not in use"},
		"policy has the module": {damage: kernel("1", ourModule),
			check: "selinux", verdict: doctor.OK, found: "eic_exec_t"},
		"policy has the module, in the store of Amazon Linux 2": {damage: kernel("1", olderStore),
			check: "selinux", verdict: doctor.OK, found: "eic_exec_t"},
		"policy lacks the module": {damage: kernel("1"),
			check: "selinux", verdict: doctor.Warning, found: `no module "eic"`},
		"policy lacks the module, but SELinux is permissive": {damage: kernel("0"),
			check: "selinux", verdict: doctor.OK, found: "permissive"},
		"program has the label of another type": {damage: label("unconfined_u:object_r:user_home_t:s0", nil),
			check: "selinux", verdict: doctor.Warning, found: `"unconfined_u:object_r:user_home_t:s0", expected type eic_exec_t`},
		"program has no label": {damage: label("", errors.New("no data available")),
			check: "selinux", verdict: doctor.NotChecked, found: "no data available"},
		"only root can read the modules": {
			damage: func(b *bench) {
				kernel("1")(b)
				b.Root = forbidding{b.files, "var/lib/selinux/targeted/active/modules"}
			},
			check: "selinux", verdict: doctor.NotChecked, found: "permission denied"},
		"image is enforcing and lacks the module": {damage: image("enforcing"),
			check: "selinux", verdict: doctor.Warning, found: "enforcing"},
		"image is enforcing and has the module": {damage: image("enforcing", ourModule),
			check: "selinux", verdict: doctor.OK, found: "eic_exec_t"},
		"image has SELinux disabled": {damage: image("disabled"),
			check: "selinux", verdict: doctor.NotChecked, found: "not in use"},
		"policy type is a path, so the default store is read": {
			damage: func(b *bench) {
				kernel("1", ourModule)(b)
				b.files[selinuxFile] = owned(0o644, "SELINUXTYPE=../../tmp\n")
			},
			check: "selinux", verdict: doctor.OK, found: "eic_exec_t"},
	})
}

// avc returns a denial in the audit log that is this old.
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
		"SELinux is not in use":    {check: "selinux-denials", verdict: doctor.NotChecked, found: "not in use"},
		"audit log cannot be read": {damage: kernel("1"), check: "selinux-denials", verdict: doctor.NotChecked, found: "audit.log"},
		"denials of other programs": {
			damage: logged(avc(0, strings.ReplaceAll(connect, `comm="eic"`, `comm="eicd"`)), "type=USER_LOGIN msg=audit(1.1:1): eic\n"),
			check:  "selinux-denials", verdict: doctor.OK, found: "none"},
		"denial is two days old": {damage: logged(avc(48*time.Hour, connect)),
			check: "selinux-denials", verdict: doctor.OK, found: "none"},
		"denial was not enforced": {damage: logged(avc(0, strings.Replace(connect, "permissive=0", "permissive=1", 1))),
			check: "selinux-denials", verdict: doctor.OK, found: "none"},
		"denials without the module, so more will follow": {
			damage: func(b *bench) {
				logged(avc(time.Hour, connect), avc(time.Minute, connect))(b)
				delete(b.files, ourModule)
			},
			check: "selinux-denials", verdict: doctor.Broken, found: "2 of the command in the last 24 hours"},
		"denial with the module, perhaps from before it was installed": {damage: logged(avc(time.Hour, connect)),
			check: "selinux-denials", verdict: doctor.Warning, found: "name_connect"},
		"command was called by its old name": {damage: logged(avc(0, strings.Replace(connect, `comm="eic"`, `comm="eic_run_authori"`, 1))),
			check: "selinux-denials", verdict: doctor.Warning, found: "1 of the command"},
		"chained command was denied": {damage: logged(avc(0, `{ read } for comm="keys" scontext=system_u:system_r:eic_t:s0 tclass=file`)),
			check: "selinux-denials", verdict: doctor.Warning, found: "{ read }"},
		"sshd may not start the command": {damage: logged(avc(0, `{ execute } for comm="sshd" path="/usr/bin/eic" scontext=system_u:system_r:sshd_t:s0`)),
			check: "selinux-denials", verdict: doctor.Warning, found: "{ execute }"},
		"denial at the end of a huge log": {damage: logged(strings.Repeat("type=USER_LOGIN msg=audit(1.1:1): x\n", 50_000), avc(0, connect)),
			check: "selinux-denials", verdict: doctor.Warning, found: "1 of the command"},
		"denial with an escape sequence is quoted": {damage: logged("type=AVC msg=audit(soon): avc:  denied  "+connect+"\n", avc(0, `comm="eic" `+"\x1b[2J")),
			check: "selinux-denials", verdict: doctor.Warning, found: `\x1b[2J`},
	})
}

func TestOlderPackage(t *testing.T) {
	const unit = "systemd/system/ssh.service.d/ec2-instance-connect.conf"
	requireTroubles(t, map[string]trouble{
		"package is not installed": {check: "older-package", verdict: doctor.OK, found: "none"},
		"scripts are installed": {
			damage: func(b *bench) {
				b.files["opt/aws/bin/eic_run_authorized_keys"] = owned(0o755, "#!/bin/sh\n")
			},
			check: "older-package", verdict: doctor.Warning, found: "/opt/aws/bin/eic_run_authorized_keys"},
		"script's name is a link to eic": {
			damage: func(b *bench) {
				b.files["usr/share/ec2-instance-connect/eic_run_authorized_keys"] = link("/usr/bin/eic")
			},
			check: "older-package", verdict: doctor.OK, found: "none"},
		"drop-in sets sshd's command line": {
			damage: func(b *bench) { b.files["usr/lib/"+unit] = owned(0o644, "[Service]\n") },
			check:  "older-package", verdict: doctor.Warning, found: "/usr/lib/" + unit},
		"version 2 left its drop-in": {
			damage: func(b *bench) {
				b.files["etc/ssh/sshd_config.d/60-ec2-instance-connect.conf"] = owned(0o644, "")
			},
			check: "older-package", verdict: doctor.Warning, found: "version 2 of the package left /etc/ssh/sshd_config.d/60-ec2-instance-connect.conf"},
		"version 2 is installed": {
			damage: func(b *bench) {
				b.files["etc/ssh/sshd_config.d/60-ec2-instance-connect.conf"] = owned(0o644, "")
				b.files["opt/aws/bin/eic_run_authorized_keys"] = owned(0o755, "")
			},
			check: "older-package", verdict: doctor.Warning,
			found: `["/opt/aws/bin/eic_run_authorized_keys" "/etc/ssh/sshd_config.d/60-ec2-instance-connect.conf"]`},
		"unit still sends host keys to AWS": {
			damage: func(b *bench) {
				b.files["usr/lib/systemd/system/ssh.service.d/harvest.conf"] = owned(0o644, "[Service]\nExecStartPost=-/opt/aws/bin/eic_harvest_hostkeys\n")
			},
			check: "older-package", verdict: doctor.Warning, found: `call eic_harvest_hostkeys, which AWS retired in July 2022: ["/usr/lib/systemd/system/ssh.service.d/harvest.conf"]`},
		"drop-in is masked": {
			damage: func(b *bench) {
				b.files["usr/lib/"+unit] = owned(0o644, "[Service]\n")
				b.files["etc/"+unit] = link("/dev/null")
				b.files["dev/null"] = owned(fs.ModeDevice|fs.ModeCharDevice|0o666, "")
			},
			check: "older-package", verdict: doctor.OK, found: "none"},
	})
}
