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

// exitWith returns the error of a program that exits with this status.
func exitWith(t *testing.T, status string) error {
	t.Helper()
	err := exec.Command("/bin/sh", "-c", "exit "+status).Run()
	require.Error(t, err)
	return err
}

// getent gives the bench a getent that ends with this output and error.
func getent(stdout string, err error) func(*bench) {
	return func(b *bench) {
		b.files["etc/passwd"] = owned(0o644, "root:x:0:0::/root:/bin/sh\n")
		b.files["usr/bin/getent"] = owned(0o755, "ELF")
		b.Run = func(context.Context, string, ...string) ([]byte, []byte, error) {
			return []byte(stdout), nil, err
		}
	}
}

// sources writes this line into nsswitch.conf, on a machine with neither getent nor
// /etc/passwd.
func sources(line string) func(*bench) {
	return func(b *bench) {
		delete(b.files, "etc/passwd")
		b.files["etc/nsswitch.conf"] = owned(0o644, "# "+line+"\n"+line+"\n")
	}
}

func TestAccountOfTheCommandUser(t *testing.T) {
	runsAs := func(name string) func(*bench) {
		return func(b *bench) { b.config = ourLine + "AuthorizedKeysCommandUser " + name + "\n" }
	}
	requireTroubles(t, map[string]trouble{
		"user is in the passwd file": {check: "account", verdict: doctor.OK, found: `"_eic", uid 998`},
		"only getent knows the user": {damage: getent("_eic:x:999:997::/:/usr/sbin/nologin\n", nil),
			check: "account", verdict: doctor.OK, found: "uid 999"},
		"getent does not know the user": {damage: getent("", exitWith(t, "2")),
			check: "account", verdict: doctor.Broken, found: `there is no user "_eic"`},
		"user is missing, and passwd is the only source": {damage: sources("passwd: files"),
			check: "account", verdict: doctor.Broken, found: `there is no user "_eic"`},
		"sss may know the user, but there is no getent": {damage: sources("passwd: files sss"),
			check: "account", verdict: doctor.NotChecked, found: "there is no getent"},
		"getent fails": {damage: getent("", exitWith(t, "3")),
			check: "account", verdict: doctor.NotChecked, found: "exit status 3"},
		"getent prints no passwd entry": {damage: getent("nonsense\n", nil),
			check: "account", verdict: doctor.NotChecked, found: `expected a line of passwd(5), got "nonsense"`},
		"uid in the passwd file is invalid": {
			damage: func(b *bench) {
				sources("passwd: files")(b)
				b.files["etc/passwd"] = owned(0o644, "_eic:x:-1:997:::\n")
			},
			check: "account", verdict: doctor.NotChecked, found: "expected a line of passwd(5)"},
		"user is root": {damage: runsAs("root"),
			check: "account", verdict: doctor.Warning, found: "which is root"},
		"user belongs to the older package": {
			damage: func(b *bench) {
				runsAs("ec2-instance-connect")(b)
				b.files["etc/passwd"] = owned(0o644, "ec2-instance-connect:x:997:997::/:/bin/false\n")
			},
			check: "account", verdict: doctor.Warning, found: "removing the older package deletes it"},
		"user is root, as a chained command with --run-as needs": {damage: func(b *bench) {
			b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys --run-as=_eic --chain=/bin/true %u %f\nAuthorizedKeysCommandUser root\n"
		},
			check: "account", verdict: doctor.OK, found: `eic itself becomes "_eic"`},
		"user is root, and the metadata service is queried as the --run-as user": {damage: func(b *bench) {
			b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys --run-as=_eic --chain=/bin/true %u %f\nAuthorizedKeysCommandUser root\n"
		},
			check: "region", verdict: doctor.OK, found: "us-east-1"},
		"user is root, and the --run-as user does not exist": {damage: func(b *bench) {
			b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys --run-as=gone --chain=/bin/true %u %f\nAuthorizedKeysCommandUser root\n"
		},
			check: "as-user", verdict: doctor.NotChecked, found: `"gone" of --run-as is not known`},
		"user nobody is shared with other services": {damage: func(b *bench) {
			runsAs("nobody")(b)
			b.files["etc/passwd"] = owned(0o644, "nobody:x:65534:65534::/:/usr/sbin/nologin\n")
		},
			check: "account", verdict: doctor.Warning, found: "which other services share"},
		"uid is in the range for people": {damage: func(b *bench) {
			runsAs("eva")(b)
			b.files["etc/passwd"] = owned(0o644, "eva:x:1000:1000::/home/eva:/bin/bash\n")
		},
			check: "account", verdict: doctor.Warning, found: "not reserved for the command: its uid 1000 is in the range for people"},
		"user runs other processes": {damage: func(b *bench) {
			for pid, exe := range map[string]string{"7": "/usr/bin/eic", "8": "/usr/bin/python3"} {
				b.files["proc/"+pid] = &fstest.MapFile{Mode: os.ModeDir | 0o555, Sys: &syscall.Stat_t{Uid: 998}}
				b.files["proc/"+pid+"/exe"] = link(exe)
			}
			b.files["proc/9"] = owned(os.ModeDir|0o555, "")
		},
			check: "account", verdict: doctor.Warning, found: `runs process 8 ("/usr/bin/python3") too`},
		"AuthorizedKeysCommandUser has the value none": {damage: runsAs("none"),
			check: "account", verdict: doctor.Broken, found: "AuthorizedKeysCommandUser is not set"},
		"AuthorizedKeysCommandUser is %u, and root logs in": {damage: runsAs("%u"),
			check: "account", verdict: doctor.Warning, found: "which is root"},
	})
}

func TestAccountsInMatchBlocks(t *testing.T) {
	const match = "Match Group ec2i\nAuthorizedKeysCommand /usr/share/ec2-instance-connect/eic_run_authorized_keys %u %f\nAuthorizedKeysCommandUser "
	requireTroubles(t, map[string]trouble{
		"all accounts exist": {damage: configured(ourLine + userLine + match + "_eic\n"),
			check: "command-users", verdict: doctor.OK, found: "2 set"},
		"account is missing, but an earlier line takes precedence": {damage: configured(ourLine + userLine + "AuthorizedKeysCommandUser ec2-instance-connect\n"),
			check: "command-users", verdict: doctor.OK, found: "1 set"},
		"account is missing": {damage: configured(ourLine + userLine + match + "ec2-instance-connect\n"),
			check: "command-users", verdict: doctor.Broken,
			found: `there is no user "ec2-instance-connect", so sshd runs no command, set at /etc/ssh/sshd_config:5 under Match "Group ec2i"`},
		"account is %u": {damage: configured(ourLine + userLine + match + "%u\n"),
			check: "command-users", verdict: doctor.OK, found: "1 set"},
		"no OpenSSH server is installed": {damage: configured(""),
			check: "command-users", verdict: doctor.NotChecked, found: "no OpenSSH server"},
	})
}

func TestObservingAsTheCommandUser(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"root observes as the user": {check: "as-user", verdict: doctor.OK, found: `user "_eic"`},
		"doctor is not root": {damage: func(b *bench) { b.UID = 1000 },
			check: "as-user", verdict: doctor.NotChecked, found: "uid 1000, not as root"},
		"user does not exist": {damage: sources("passwd: files"),
			check: "as-user", verdict: doctor.NotChecked, found: `user "_eic" is not known`},
		"user may not execute the program": {damage: func(b *bench) { b.refused = syscall.EACCES },
			check: "as-user", verdict: doctor.Broken, found: "permission denied"},
		"observer fails, as with flags that name an unreadable file": {damage: func(b *bench) { b.refused = exitWith(t, "1") },
			check: "as-user", verdict: doctor.Broken, found: `saying "eic doctor: no"`},
		"doctor is a program that only root may execute": {
			damage: func(b *bench) {
				b.files["root/eic"], b.Executable = owned(0o700, "ELF"), "/root/eic"
				b.refused = syscall.EACCES
			},
			check: "as-user", verdict: doctor.NotChecked, found: "running /root/eic"},
		"container forbids changing the user": {damage: func(b *bench) { b.refused = syscall.EPERM },
			check: "as-user", verdict: doctor.NotChecked, found: "operation not permitted"},
	})
}

func TestTrialOfTheCommand(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"command exits with 0": {check: "trial", verdict: doctor.OK, found: "exit status 0"},
		"command fails": {damage: func(b *bench) { b.trial = exitWith(t, "1") },
			check: "trial", verdict: doctor.Broken, found: `saying "error: no"`},
		"command cannot be executed": {damage: func(b *bench) { b.trial = errors.New("exec format error") },
			check: "trial", verdict: doctor.Broken, found: "exec format error"},
		"doctor is not root": {damage: func(b *bench) { b.UID = 1000 },
			check: "trial", verdict: doctor.NotChecked, found: `run as user "_eic"`},
		"sshd does not run eic": {damage: configured("AuthorizedKeysCommand none\n"),
			check: "trial", verdict: doctor.NotChecked, found: "not eic"},
	})
}

func TestChainedCommand(t *testing.T) {
	chains := func(program string) func(*bench) {
		return func(b *bench) {
			c, err := othercommand.Parse(program + " %u %f")
			require.NoError(t, err)
			b.asking.Chained = c
			b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys --chain=" + program + " %u %f\n" + userLine
		}
	}
	requireTroubles(t, map[string]trouble{
		"no command is chained": {check: "chained-command", verdict: doctor.OK, found: "no command is chained"},
		"chained command exits with 0": {damage: chains("/bin/true"),
			check: "chained-command", verdict: doctor.OK, found: `"/bin/true" succeeds as user "_eic"`},
		"chained command fails": {damage: chains("/bin/false"),
			check: "chained-command", verdict: doctor.Warning, found: `"/bin/false" as user "_eic": exit status 1`},
		"chained command is missing": {damage: chains("/bin/gone"),
			check: "chained-command", verdict: doctor.Warning, found: "no such file"},
		"doctor cannot run it as the command user": {damage: func(b *bench) { chains("/bin/true")(b); b.UID = 1000 },
			check: "chained-command", verdict: doctor.NotChecked, found: `run as user "_eic"`},
		"sshd does not run eic": {damage: configured("AuthorizedKeysCommand none\n"),
			check: "chained-command", verdict: doctor.NotChecked, found: "not eic"},
	})
}

const nobodysKey = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"

// Under its own name, the trial gets the flags in sshd's command. The program's old name
// takes no flags.
func TestTrialRunsTheCommandLineThatSSHDWouldRun(t *testing.T) {
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
