package enable

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd"
	"eic/internal/sshd/sshdtest"
)

// refusals returns the configurations that enable refuses, and the command that it
// recommends for each.
func refusals() map[string]struct {
	files map[string]string
	args  []string
	run   string
} {
	const eicLines = "AuthorizedKeysCommand /usr/bin/eic authorized-keys %u %f\nAuthorizedKeysCommandUser " + sshd.CommandUser + "\n"
	edited := "# BEGIN eic: edited\n" + eicLines + "LogLevel DEBUG\n"
	unit := func(name, text string) map[string]string {
		return map[string]string{
			"etc/ssh/sshd_config":                 includeFirst,
			"usr/lib/systemd/system/sshd.service": "[Service]\nEnvironmentFile=-/etc/sysconfig/sshd\nExecStart=/usr/sbin/sshd -D $OPTIONS\n",
			name:                                  text,
		}
	}
	awsAndOther := awsUnit()
	awsAndOther["etc/ssh/sshd_config"] = includeFirst + otherCommand
	awsInEtc := awsUnit()
	awsInEtc["etc/systemd/system/ssh.service.d/ec2-instance-connect.conf"] = awsDropIn
	confining := map[string]string{
		"etc/ssh/sshd_config": otherCommand, "sys/fs/selinux/enforce": "1", "var/lib/selinux/targeted/active/modules/400/eic/cil": "",
	}
	return map[string]struct {
		files map[string]string
		args  []string
		run   string
	}{
		"SELinux confines the chained command":                    {confining, []string{"--chain"}, "eic enable --selinux-allows-chain --chain"},
		"SELinux would confine the command that eic should chain": {confining, nil, "eic enable --selinux-allows-chain --chain"},
		"another AuthorizedKeysCommand":                           {map[string]string{"etc/ssh/sshd_config": otherCommand}, nil, "eic enable --chain"},
		"another AuthorizedKeysCommand and flags with quotes": {map[string]string{"etc/ssh/sshd_config": otherCommand},
			[]string{"--deny-user=root", "--key-options=command=\"it's %u\""}, `eic enable --chain --deny-user=root '--key-options=command="it'\''s %u"'`},
		"another AuthorizedKeysCommand and a different command to chain": {map[string]string{"etc/ssh/sshd_config": otherCommand}, []string{"--chain=/usr/bin/third %u"}, "eic enable --chain"},
		"AWS's command in sshd_config": {map[string]string{"etc/ssh/sshd_config": "AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys %u %f\nAuthorizedKeysCommandUser ec2-instance-connect\n"},
			nil, "eic enable --replace-ec2-instance-connect"},
		"AWS's command in sshd_config with --chain": {map[string]string{"etc/ssh/sshd_config": "AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys %u %f\nAuthorizedKeysCommandUser ec2-instance-connect\n"},
			[]string{"--chain"}, "eic enable --replace-ec2-instance-connect --chain"},
		"AWS's unit drop-in": {awsUnit(), nil, "eic enable --replace-ec2-instance-connect"},
		"AWS's unit drop-in and another AuthorizedKeysCommand":                                     {awsAndOther, nil, "eic enable --replace-ec2-instance-connect --chain"},
		"AWS's unit drop-in and another AuthorizedKeysCommand with --chain":                        {awsAndOther, []string{"--chain"}, "eic enable --replace-ec2-instance-connect --chain"},
		"AWS's unit drop-in and another AuthorizedKeysCommand with --replace-ec2-instance-connect": {awsAndOther, []string{"--replace-ec2-instance-connect"}, "eic enable --replace-ec2-instance-connect --chain"},
		"AWS's unit drop-in under etc, where it cannot be masked":                                  {awsInEtc, nil, "rm /etc/systemd/system/ssh.service.d/ec2-instance-connect.conf && systemctl daemon-reload && eic enable --replace-ec2-instance-connect"},
		"AuthorizedKeysCommand none":                                                               {map[string]string{"etc/ssh/sshd_config": includeFirst + "AuthorizedKeysCommand none\n"}, nil, "sed -i -e '2s/^/#/' /etc/ssh/sshd_config && eic enable"},
		"eic written by hand":                                                                      {map[string]string{"etc/ssh/sshd_config": "UsePAM yes\n" + eicLines}, nil, "sed -i -e '2s/^/#/' -e '3s/^/#/' /etc/ssh/sshd_config && eic enable"},
		"another AuthorizedKeysCommand in Match all":                                               {map[string]string{"etc/ssh/sshd_config": includeFirst + "Match all\n" + otherCommand}, nil, "sed -i -e '3s/^/#/' -e '4s/^/#/' /etc/ssh/sshd_config && eic enable"},
		"edited block": {map[string]string{"etc/ssh/sshd_config": edited}, nil, "sed -i -e '1s/^/#/' -e '2s/^/#/' -e '3s/^/#/' /etc/ssh/sshd_config && eic enable"},
		"administrator's file with the name of eic's drop-in":          {map[string]string{"etc/ssh/sshd_config": includeFirst, sshd.DropIn[1:]: "LogLevel DEBUG\n"}, nil, "mv " + sshd.DropIn + " " + sshd.DropIn + ".edited && eic enable"},
		"AuthorizedKeysCommandUser before AuthorizedPrincipalsCommand": {map[string]string{"etc/ssh/sshd_config": "AuthorizedKeysCommandUser nobody\nAuthorizedPrincipalsCommand /bin/echo x\nAuthorizedPrincipalsCommandUser git\n"}, nil, "sed -i -e '1s/^/#/' /etc/ssh/sshd_config && eic enable"},
		"option in an environment file": {unit("etc/sysconfig/sshd", "# site\nOPTIONS=\"-4 -o 'AuthorizedKeysCommand /usr/bin/other %u' -oAuthorizedKeysCommandUser=root -o \\\"Banner /etc/a\\\"\"\n"),
			nil, "systemctl daemon-reload && eic enable"},
		"option of an init script": {map[string]string{
			"etc/ssh/sshd_config": includeFirst, "etc/default/ssh": "SSHD_OPTS=\"-4 -o AuthorizedKeysCommand=/usr/bin/other\"\n",
		}, nil, "eic enable"},
		"option in a unit drop-in": {unit("etc/systemd/system/sshd.service.d/x.conf", "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D \\\n -4o AuthorizedKeysCommand=/usr/bin/other \\\n $OPTIONS\n"),
			nil, "systemctl daemon-reload && eic enable"},
	}
}

// Each refusal recommends one command, and sometimes a line to write first. An
// administrator who follows it must have eic enabled.
func TestRecommendedCommandEnablesEic(t *testing.T) {
	for name, test := range refusals() {
		t.Run(name, func(t *testing.T) {
			root := rootToRefuse(t, test.files)
			said, _, run := refused(t, root, append([]string{"enable"}, test.args...)...)
			require.Equal(t, test.run, run)
			writeInstead(t, root, said)
			shell(t, root, run)
			command, managed := runs(t, root)
			require.True(t, managed, command)
		})
	}
}

// rootToRefuse creates a root with eic and the programs that refusals recommend.
func rootToRefuse(t *testing.T, files map[string]string) string {
	t.Helper()
	root := sshdtest.NewRoot(t, files)
	sshdtest.InstallEic(t, root)
	sshdtest.InstallPrograms(t, root, "sed", "mv", "rm", "cp", "cat")
	require.NoError(t, os.WriteFile(filepath.Join(root, "usr/bin/systemctl"), []byte("#!/bin/bash\n"), 0o755))
	return root
}

// refused runs eic, which must refuse and change nothing. It returns the message up to the
// recommended command, the line to write, and that command.
func refused(t *testing.T, root string, args ...string) (said, write, run string) {
	t.Helper()
	before := sshdtest.Snapshot(t, filepath.Join(root, "etc"))
	out, err := sshdtest.Command(root, sshd.Program, args...).CombinedOutput()
	require.ErrorContains(t, err, "exit status 3", string(out))
	require.Equal(t, before, sshdtest.Snapshot(t, filepath.Join(root, "etc")))
	said, run, _ = strings.Cut(strings.TrimSpace(string(out)), "; run: ")
	_, write, _ = strings.Cut(said, "; write there instead: ")
	return said, write, run
}

// shell runs a command that has to succeed.
func shell(t *testing.T, root, command string) {
	t.Helper()
	out, err := sshdtest.Command(root, "/bin/bash", "-c", command).CombinedOutput()
	require.NoError(t, err, string(out))
}

// runs returns the AuthorizedKeysCommand for sshd.Anybody, and whether "eic enable" wrote it.
func runs(t *testing.T, root string) (command string, managed bool) {
	t.Helper()
	e, err := sshd.Host{Root: root}.Effective(t.Context(), sshd.Anybody())
	require.NoError(t, err)
	return e.Command, e.Managed
}

// wrap replaces sshd with a script, which can run the original as sshd.real.
func wrap(t *testing.T, root, script string) {
	t.Helper()
	program := filepath.Join(root, "usr/sbin/sshd")
	require.NoError(t, os.Rename(program, program+".real"))
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/bash\n"+script), 0o755))
}

// If enable refuses to drop flags, the recommended command keeps them.
func TestRecommendedCommandKeepsTheFlags(t *testing.T) {
	for name, test := range map[string]struct {
		config      string
		first, then string
		run, want   string
	}{
		"flag from the first enable": {includeFirst, "eic enable --deny-user=root", "--allow-user=alice", "eic enable --deny-user=root --allow-user=alice",
			"/usr/bin/eic authorized-keys --deny-user=root --allow-user=alice %u %f"},
		"chained command from the first enable": {otherCommand, "eic enable --chain --budget=4s", "--budget=3s", "eic enable --chain --budget=3s",
			`/usr/bin/eic authorized-keys --budget=3s --run-as _eic --chain "/usr/bin/other %%u" %u %f`},
	} {
		t.Run(name, func(t *testing.T) {
			root := rootToRefuse(t, map[string]string{"etc/ssh/sshd_config": test.config})
			shell(t, root, test.first)
			_, _, run := refused(t, root, "enable", test.then)
			require.Equal(t, test.run, run)
			shell(t, root, run)
			command, managed := runs(t, root)
			require.True(t, managed)
			require.Equal(t, test.want, command)
		})
	}
}

// A command that cannot be chained as written needs a script that runs it. Its
// AuthorizedKeysCommandUser is kept.
func TestRecommendedScriptMakesACommandChainable(t *testing.T) {
	for _, line := range []string{"/usr/bin/other %h %u", `/usr/bin/other a\ b %u`, `/usr/bin/other "a"b %u`} {
		for _, args := range [][]string{{"enable"}, {"enable", "--chain"}} {
			t.Run(line+strings.Join(args, " "), func(t *testing.T) {
				root := rootToRefuse(t, map[string]string{"etc/ssh/sshd_config": "AuthorizedKeysCommand " + line + "\nAuthorizedKeysCommandUser git\n"})
				said, write, run := refused(t, root, args...)
				require.Contains(t, said, "create a script /usr/local/bin/other-keys, owned by root, that runs the command for the user")
				require.Equal(t, "AuthorizedKeysCommand /usr/local/bin/other-keys %u", write)
				require.Equal(t, "eic enable --chain", run)
				writeInstead(t, root, said)
				shell(t, root, run)
				e, err := sshd.Host{Root: root}.Effective(t.Context(), sshd.Anybody())
				require.NoError(t, err)
				require.True(t, e.Managed)
				require.Equal(t, `/usr/bin/eic authorized-keys --chain "/usr/local/bin/other-keys %%u" %u %f`, e.Command)
				require.Equal(t, "git", e.User)
			})
		}
	}
}

// If a wrapper of sshd sets the command, eic cannot edit it. The message then gives the
// lines to write there.
func TestRecommendedLinesWorkInAWrapperOfSSHD(t *testing.T) {
	const file = "etc/site"
	for name, test := range map[string]struct{ lines, want string }{
		"command of another user": {"AuthorizedKeysCommand /usr/bin/other %u\nAuthorizedKeysCommandUser git\n", `/usr/bin/eic authorized-keys --chain "/usr/bin/other %%u" %u %f`},
		"command of root": {"AuthorizedKeysCommand /usr/bin/other %u\nAuthorizedKeysCommandUser root\n",
			`/usr/bin/eic authorized-keys --run-as _eic --chain "/usr/bin/other %%u" %u %f`},
		"AuthorizedKeysCommand is unset": {"UsePAM no\n", "/usr/bin/eic authorized-keys %u %f"},
	} {
		t.Run(name, func(t *testing.T) {
			root := rootToRefuse(t, map[string]string{"etc/ssh/sshd_config": "UsePAM no\nAuthorizedKeysCommand none\n", file: test.lines})
			if name != "AuthorizedKeysCommand is unset" {
				sshdtest.PutFiles(t, root, map[string]string{"etc/ssh/sshd_config": "UsePAM no\n"})
			} else {
				sshdtest.PutFiles(t, root, map[string]string{"etc/ssh/sshd_config": otherCommand})
			}
			wrap(t, root, `exec /usr/sbin/sshd.real -f /`+file+` "$@"`+"\n")
			said, write, run := refused(t, root, "enable")
			require.Contains(t, said, "such as a wrapper around it; make the change there")
			require.Empty(t, run, "expected no recommended command, because eic cannot edit the wrapper")
			_, user, _ := strings.Cut(test.lines, "\n")
			sshdtest.PutFiles(t, root, map[string]string{file: strings.ReplaceAll(write, "; ", "\n") + "\n" + user})
			command, _ := runs(t, root)
			require.Equal(t, test.want, command)
		})
	}
}

// If eic's lines would change another setting, the recommended command adds them after it.
func TestRecommendedCommandAvoidsASideEffect(t *testing.T) {
	root := rootToRefuse(t, map[string]string{"etc/ssh/sshd_config": "UsePAM no\nX11Forwarding yes\n"})
	wrap(t, root, `# An sshd that ignores X11Forwarding after an AuthorizedKeysCommand, as some versions ignore AuthorizedPrincipalsCommand.
out=$(/usr/sbin/sshd.real "$@") || exit
while read -r keyword _; do
	case $keyword in
	AuthorizedKeysCommand) after=1 ;;
	X11Forwarding) [ -z "$after" ] || out=${out/x11forwarding yes/x11forwarding no} ;;
	esac
done </etc/ssh/sshd_config
echo "$out"
`)
	sshdtest.MakeKey(t, filepath.Join(root, "etc/ssh/ssh_host_ed25519_key"))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "run/sshd"), 0o755))
	said, _, run := refused(t, root, "enable", `--key-options=command="a b"`)
	require.Contains(t, said, `/etc/ssh/sshd_config:2: with eic's lines sshd would have x11forwarding "no" for every login, not "yes"`)
	shell(t, root, run)
	command, _ := runs(t, root)
	require.Equal(t, `/usr/bin/eic authorized-keys "--key-options=command=\"a b\"" %u %f`, command)
	e, err := sshd.Host{Root: root}.Effective(t.Context(), sshd.Anybody())
	require.NoError(t, err)
	require.Equal(t, sshd.CommandUser, e.User)
	require.Equal(t, "yes", e.Values["x11forwarding"])
}

// sshd_config of a package is copied to /etc/ssh, where eic's lines may be added.
func TestRecommendedCommandCopiesTheVendorFile(t *testing.T) {
	root := rootToRefuse(t, map[string]string{sshd.VendorConfig[1:]: "UsePAM no\n"})
	wrap(t, root, `[ -e /etc/ssh/sshd_config ] || set -- -f `+sshd.VendorConfig+` "$@"
exec /usr/sbin/sshd.real "$@"
`)
	_, _, run := refused(t, root, "enable")
	require.Equal(t, "cp "+sshd.VendorConfig+" /etc/ssh/sshd_config && eic enable", run)
	shell(t, root, run)
	_, managed := runs(t, root)
	require.True(t, managed)
}

// A person's account with the name of eic's system user is renamed and keeps its home
// directory.
func TestRecommendedCommandRenamesAPersonsAccount(t *testing.T) {
	root := rootToRefuse(t, map[string]string{
		"etc/ssh/sshd_config": includeFirst,
		"etc/passwd":          "root:x:0:0::/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/bin/false\n_eic:x:1000:1000:Eva:/home/eva:/bin/bash\n",
		"etc/shadow":          "root:*:::::::\nsshd:*:::::::\n_eic:*:::::::\n",
		"etc/group":           "root:x:0:\nnogroup:x:65534:\n_eic:x:1000:\n",
		"etc/login.defs":      "UID_MIN 1000\n",
	})
	sshdtest.InstallPrograms(t, root, "/usr/sbin/usermod", "/usr/sbin/useradd", "/usr/sbin/nologin")
	_, _, run := refused(t, root, "enable")
	require.Equal(t, "usermod --login former_eic _eic && eic enable", run)
	shell(t, root, run)
	_, managed := runs(t, root)
	require.True(t, managed)
	require.Contains(t, sshdtest.ReadFile(t, root, "etc/passwd"), "former_eic:x:1000:1000:Eva:/home/eva:/bin/bash\n")
}

// The recommended command disables the edited lines without deleting them.
func TestRecommendedCommandDisablesAnEditedBlock(t *testing.T) {
	for name, test := range map[string]struct{ config, file string }{
		"drop-in":     {includeFirst, sshd.DropIn},
		"sshd_config": {"UsePAM no\n", sshd.MainConfig},
	} {
		t.Run(name, func(t *testing.T) {
			root := rootToRefuse(t, map[string]string{"etc/ssh/sshd_config": test.config})
			shell(t, root, "eic enable && sed -i 's/authorized-keys/& --deny-user=root/' "+test.file)
			_, _, run := refused(t, root, "disable")
			shell(t, root, run)
			command, _ := runs(t, root)
			require.Equal(t, "none", command)
		})
	}
}

// writeInstead writes the line that a message recommends at the place that it names.
func writeInstead(t *testing.T, root, said string) {
	t.Helper()
	_, line, found := strings.Cut(said, "; write there instead: ")
	if !found {
		return
	}
	place := regexp.MustCompile(`eic enable: (/[^:]+):(\d+): `).FindStringSubmatch(said)
	require.NotNil(t, place, said)
	number, err := strconv.Atoi(place[2])
	require.NoError(t, err)
	lines := strings.Split(sshdtest.ReadFile(t, root, place[1]), "\n")
	end := number
	for strings.HasSuffix(lines[end-1], `\`) {
		end++
	}
	lines = append(append(lines[:number-1:number-1], line), lines[end:]...)
	sshdtest.PutFiles(t, root, map[string]string{place[1][1:]: strings.Join(lines, "\n")})
}

// The rewritten line must keep every option but those of eic's keywords, with its quotes.
func TestLineWithoutOverridesKeepsTheOtherOptions(t *testing.T) {
	root := sshdtest.NewTree(t, refusals()["option in an environment file"].files)
	found, err := sshd.Overrides(sshd.NewTree(root))
	require.NoError(t, err)
	require.Equal(t, `OPTIONS="-4 -o \"Banner /etc/a\""`, found[0].LineWithoutOverrides(sshd.NewTree(root)))
	root = sshdtest.NewTree(t, refusals()["option in a unit drop-in"].files)
	found, err = sshd.Overrides(sshd.NewTree(root))
	require.NoError(t, err)
	require.Equal(t, `ExecStart=/usr/sbin/sshd -D -4 $OPTIONS`, found[0].LineWithoutOverrides(sshd.NewTree(root)))
}
