package doctor_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"eic/internal/account"
	"eic/internal/doctor"
	"eic/internal/othercommand"
)

// exitWith is the error of a program that ended with this status.
func exitWith(t *testing.T, status string) error {
	t.Helper()
	err := exec.Command("/bin/sh", "-c", "exit "+status).Run()
	require.Error(t, err)
	return err
}

// getent gives the bench a getent that answers so.
func getent(stdout string, err error) func(*bench) {
	return func(b *bench) {
		b.files["etc/passwd"] = owned(0o644, "root:x:0:0::/root:/bin/sh\n")
		b.files["usr/bin/getent"] = owned(0o755, "ELF")
		b.Run = func(context.Context, string, ...string) ([]byte, []byte, error) {
			return []byte(stdout), nil, err
		}
	}
}

// sources writes nsswitch.conf on a machine without getent and without user.
func sources(line string) func(*bench) {
	return func(b *bench) {
		delete(b.files, "etc/passwd")
		b.files["etc/nsswitch.conf"] = owned(0o644, "# "+line+"\n"+line+"\n")
	}
}

func TestTheUserThatTheCommandRunsAs(t *testing.T) {
	runsAs := func(name string) func(*bench) {
		return func(b *bench) { b.config = ourLine + "AuthorizedKeysCommandUser " + name + "\n" }
	}
	requireTroubles(t, map[string]trouble{
		"is there": {check: "account", verdict: doctor.OK, found: `"_eic", uid 998`},
		"is known elsewhere": {damage: getent("_eic:x:999:997::/:/usr/sbin/nologin\n", nil),
			check: "account", verdict: doctor.OK, found: "uid 999"},
		"was deleted": {damage: getent("", exitWith(t, "2")),
			check: "account", verdict: doctor.Broken, found: `there is no user "_eic"`},
		"was deleted, and there is nowhere else to look": {damage: sources("passwd: files"),
			check: "account", verdict: doctor.Broken, found: `there is no user "_eic"`},
		"may be known where nobody can look": {damage: sources("passwd: files sss"),
			check: "account", verdict: doctor.NotChecked, found: "there is no getent"},
		"is in a directory that does not answer": {damage: getent("", exitWith(t, "3")),
			check: "account", verdict: doctor.NotChecked, found: "exit status 3"},
		"is answered for with something else": {damage: getent("nonsense\n", nil),
			check: "account", verdict: doctor.NotChecked, found: `expected a line of passwd(5), got "nonsense"`},
		"has an id that is none": {
			damage: func(b *bench) {
				sources("passwd: files")(b)
				b.files["etc/passwd"] = owned(0o644, "_eic:x:-1:997:::\n")
			},
			check: "account", verdict: doctor.NotChecked, found: "expected a line of passwd(5)"},
		"is root": {damage: runsAs("root"),
			check: "account", verdict: doctor.Warning, found: "which is root"},
		"goes with the older package": {
			damage: func(b *bench) {
				runsAs("ec2-instance-connect")(b)
				b.files["etc/passwd"] = owned(0o644, "ec2-instance-connect:x:997:997::/:/bin/false\n")
			},
			check: "account", verdict: doctor.Warning, found: "removing the older package deletes it"},
		"is root for the chained command's sake": {damage: func(b *bench) {
			b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys --run-as=_eic --chain=/bin/true %u %f\nAuthorizedKeysCommandUser root\n"
		},
			check: "account", verdict: doctor.OK, found: `eic itself becomes "_eic"`},
		"is root, and asks as another": {damage: func(b *bench) {
			b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys --run-as=_eic --chain=/bin/true %u %f\nAuthorizedKeysCommandUser root\n"
		},
			check: "region", verdict: doctor.OK, found: "us-east-1"},
		"is root, and would ask as nobody who is known": {damage: func(b *bench) {
			b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys --run-as=gone --chain=/bin/true %u %f\nAuthorizedKeysCommandUser root\n"
		},
			check: "as-user", verdict: doctor.NotChecked, found: `"gone" of --run-as is not known`},
		"is shared": {damage: func(b *bench) {
			runsAs("nobody")(b)
			b.files["etc/passwd"] = owned(0o644, "nobody:x:65534:65534::/:/usr/sbin/nologin\n")
		},
			check: "account", verdict: doctor.Warning, found: "which other services share"},
		"is a person": {damage: func(b *bench) {
			runsAs("eva")(b)
			b.files["etc/passwd"] = owned(0o644, "eva:x:1000:1000::/home/eva:/bin/bash\n")
		},
			check: "account", verdict: doctor.Warning, found: "not reserved for the command: its uid 1000 is in the range for people"},
		"runs something else": {damage: func(b *bench) {
			for pid, exe := range map[string]string{"7": "/usr/bin/eic", "8": "/usr/bin/python3"} {
				b.files["proc/"+pid] = &fstest.MapFile{Mode: os.ModeDir | 0o555, Sys: &syscall.Stat_t{Uid: 998}}
				b.files["proc/"+pid+"/exe"] = link(exe)
			}
			b.files["proc/9"] = owned(os.ModeDir|0o555, "")
		},
			check: "account", verdict: doctor.Warning, found: `runs process 8 ("/usr/bin/python3") too`},
		"is not named": {damage: runsAs("none"),
			check: "account", verdict: doctor.Broken, found: "AuthorizedKeysCommandUser is not set"},
		"is whoever logs in": {damage: runsAs("%u"),
			check: "account", verdict: doctor.Warning, found: "which is root"},
	})
}

func TestAnAccountThatOneMatchBlockAloneNames(t *testing.T) {
	const match = "Match Group ec2i\nAuthorizedKeysCommand /usr/share/ec2-instance-connect/eic_run_authorized_keys %u %f\nAuthorizedKeysCommandUser "
	requireTroubles(t, map[string]trouble{
		"is known": {damage: configured(ourLine + userLine + match + "_eic\n"),
			check: "command-users", verdict: doctor.OK, found: "2 set"},
		"is gone, but another line outranks it": {damage: configured(ourLine + userLine + "AuthorizedKeysCommandUser ec2-instance-connect\n"),
			check: "command-users", verdict: doctor.OK, found: "1 set"},
		"is gone": {damage: configured(ourLine + userLine + match + "ec2-instance-connect\n"),
			check: "command-users", verdict: doctor.Broken,
			found: `there is no user "ec2-instance-connect", so sshd runs no command, set at /etc/ssh/sshd_config:5 under Match "Group ec2i"`},
		"is whoever logs in": {damage: configured(ourLine + userLine + match + "%u\n"),
			check: "command-users", verdict: doctor.OK, found: "1 set"},
		"is nowhere": {damage: configured(""),
			check: "command-users", verdict: doctor.NotChecked, found: "no OpenSSH server"},
	})
}

func TestLookingThroughTheEyesOfTheCommandsUser(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"works": {check: "as-user", verdict: doctor.OK, found: `user "_eic"`},
		"takes root": {damage: func(b *bench) { b.UID = 1000 },
			check: "as-user", verdict: doctor.NotChecked, found: "uid 1000, not as root"},
		"takes a user": {damage: sources("passwd: files"),
			check: "as-user", verdict: doctor.NotChecked, found: `user "_eic" is not known`},
		"fails where the program may not be run": {damage: func(b *bench) { b.refused = syscall.EACCES },
			check: "as-user", verdict: doctor.Broken, found: "permission denied"},
		"fails where the flags name what it may not read": {damage: func(b *bench) { b.refused = exitWith(t, "1") },
			check: "as-user", verdict: doctor.Broken, found: `saying "eic doctor: no"`},
		"fails where the program that examines is root's alone": {
			damage: func(b *bench) {
				b.files["root/eic"], b.Executable = owned(0o700, "ELF"), "/root/eic"
				b.refused = syscall.EACCES
			},
			check: "as-user", verdict: doctor.NotChecked, found: "running /root/eic"},
		"fails in a container that may not": {damage: func(b *bench) { b.refused = syscall.EPERM },
			check: "as-user", verdict: doctor.NotChecked, found: "operation not permitted"},
	})
}

func TestATrialRun(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"ends well": {check: "trial", verdict: doctor.OK, found: "exit status 0"},
		"fails": {damage: func(b *bench) { b.trial = exitWith(t, "1") },
			check: "trial", verdict: doctor.Broken, found: `saying "error: no"`},
		"is not possible": {damage: func(b *bench) { b.trial = errors.New("exec format error") },
			check: "trial", verdict: doctor.Broken, found: "exec format error"},
		"takes root": {damage: func(b *bench) { b.UID = 1000 },
			check: "trial", verdict: doctor.NotChecked, found: `run as user "_eic"`},
		"takes a command of ours": {damage: configured("AuthorizedKeysCommand none\n"),
			check: "trial", verdict: doctor.NotChecked, found: "not eic"},
	})
}

func TestTheChainedCommand(t *testing.T) {
	chains := func(program string) func(*bench) {
		return func(b *bench) {
			c, err := othercommand.Parse(program + " %u %f")
			require.NoError(t, err)
			b.asking.Chained = c
			b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys --chain=" + program + " %u %f\n" + userLine
		}
	}
	requireTroubles(t, map[string]trouble{
		"is not there": {check: "chained-command", verdict: doctor.OK, found: "there is none"},
		"ends well": {damage: chains("/bin/true"),
			check: "chained-command", verdict: doctor.OK, found: `"/bin/true" succeeds as user "_eic"`},
		"fails": {damage: chains("/bin/false"),
			check: "chained-command", verdict: doctor.Warning, found: `"/bin/false" as user "_eic": exit status 1`},
		"is missing": {damage: chains("/bin/gone"),
			check: "chained-command", verdict: doctor.Warning, found: "no such file"},
		"is for the command's user to run": {damage: func(b *bench) { chains("/bin/true")(b); b.UID = 1000 },
			check: "chained-command", verdict: doctor.NotChecked, found: `run as user "_eic"`},
		"belongs to a command of ours": {damage: configured("AuthorizedKeysCommand none\n"),
			check: "chained-command", verdict: doctor.NotChecked, found: "not eic"},
	})
}

const nobodysKey = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"

// The program is called with sshd's flags, and by its old name with none.
func TestATrialRunIsWhatSSHDWouldRun(t *testing.T) {
	for command, args := range map[string][]string{
		"/usr/bin/eic authorized-keys --domain=example.com %u %f": {"/usr/bin/eic", "authorized-keys", "--domain=example.com", "--log", "stderr", "root", nobodysKey},
		"/opt/aws/bin/eic_run_authorized_keys %u %f":              {"/opt/aws/bin/eic_run_authorized_keys", "root", nobodysKey},
		"/usr/bin/eic authorized-keys %u":                         {"/usr/bin/eic", "authorized-keys", "--log", "stderr", "root"},
	} {
		b := newBench(t)
		b.files["opt/aws/bin/eic_run_authorized_keys"] = link("/usr/bin/eic")
		b.config = "AuthorizedKeysCommand " + command + "\n" + userLine
		var ran [][]string
		b.RunAs = func(ctx context.Context, as doctor.Account, file string, args ...string) ([]byte, []byte, error) {
			require.Equal(t, uint32(998), as.UID)
			require.Equal(t, []account.Group{{Name: "_eic", GID: 997}, {Name: "adm", GID: 4}}, as.Groups)
			ran = append(ran, args)
			return b.runAs(ctx, as, file, args...)
		}
		b.examine(t)
		require.Contains(t, ran, args)
	}
}
