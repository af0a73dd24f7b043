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

// refusals are the configurations that enable refuses, with what it recommends.
func refusals() map[string]struct {
	files map[string]string
	args  []string
	run   string
} {
	const ours = "AuthorizedKeysCommand /usr/bin/eic authorized-keys %u %f\nAuthorizedKeysCommandUser " + sshd.CommandUser + "\n"
	edited := "# BEGIN eic: edited\n" + ours + "LogLevel DEBUG\n"
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
		"SELinux confines a chained command": {confining, []string{"--chain"}, "eic enable --selinux-allows-chain --chain"},
		"SELinux confines what would help":   {confining, nil, "eic enable --selinux-allows-chain --chain"},
		"another command":                    {map[string]string{"etc/ssh/sshd_config": otherCommand}, nil, "eic enable --chain"},
		"another command, and flags with quotes": {map[string]string{"etc/ssh/sshd_config": otherCommand},
			[]string{"--deny-user=root", "--key-options=command=\"it's %u\""}, `eic enable --chain --deny-user=root '--key-options=command="it'\''s %u"'`},
		"another command, and a third to chain": {map[string]string{"etc/ssh/sshd_config": otherCommand}, []string{"--chain=/usr/bin/third %u"}, "eic enable --chain"},
		"AWS's command": {map[string]string{"etc/ssh/sshd_config": "AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys %u %f\nAuthorizedKeysCommandUser ec2-instance-connect\n"},
			nil, "eic enable --replace-ec2-instance-connect"},
		"AWS's command, asked to chain it": {map[string]string{"etc/ssh/sshd_config": "AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys %u %f\nAuthorizedKeysCommandUser ec2-instance-connect\n"},
			[]string{"--chain"}, "eic enable --replace-ec2-instance-connect --chain"},
		"AWS's drop-in":                            {awsUnit(), nil, "eic enable --replace-ec2-instance-connect"},
		"AWS's drop-in and another command":        {awsAndOther, nil, "eic enable --replace-ec2-instance-connect --chain"},
		"the same, half of it asked":               {awsAndOther, []string{"--chain"}, "eic enable --replace-ec2-instance-connect --chain"},
		"the same, the other half of it asked":     {awsAndOther, []string{"--replace-ec2-instance-connect"}, "eic enable --replace-ec2-instance-connect --chain"},
		"AWS's drop-in in /etc":                    {awsInEtc, nil, "rm /etc/systemd/system/ssh.service.d/ec2-instance-connect.conf && systemctl daemon-reload && eic enable --replace-ec2-instance-connect"},
		"no command, by somebody's decision":       {map[string]string{"etc/ssh/sshd_config": includeFirst + "AuthorizedKeysCommand none\n"}, nil, "sed -i -e '2s/^/#/' /etc/ssh/sshd_config && eic enable"},
		"our command by hand":                      {map[string]string{"etc/ssh/sshd_config": "UsePAM yes\n" + ours}, nil, "sed -i -e '2s/^/#/' -e '3s/^/#/' /etc/ssh/sshd_config && eic enable"},
		"a Match block for everybody":              {map[string]string{"etc/ssh/sshd_config": includeFirst + "Match all\n" + otherCommand}, nil, "sed -i -e '3s/^/#/' -e '4s/^/#/' /etc/ssh/sshd_config && eic enable"},
		"an edited block":                          {map[string]string{"etc/ssh/sshd_config": edited}, nil, "sed -i -e '1s/^/#/' -e '2s/^/#/' -e '3s/^/#/' /etc/ssh/sshd_config && eic enable"},
		"a file under our name":                    {map[string]string{"etc/ssh/sshd_config": includeFirst, sshd.DropIn[1:]: "LogLevel DEBUG\n"}, nil, "mv " + sshd.DropIn + " " + sshd.DropIn + ".edited && eic enable"},
		"a user in front of the principals' lines": {map[string]string{"etc/ssh/sshd_config": "AuthorizedKeysCommandUser nobody\nAuthorizedPrincipalsCommand /bin/echo x\nAuthorizedPrincipalsCommandUser git\n"}, nil, "sed -i -e '1s/^/#/' /etc/ssh/sshd_config && eic enable"},
		"an option in an environment file": {unit("etc/sysconfig/sshd", "# site\nOPTIONS=\"-4 -o 'AuthorizedKeysCommand /usr/bin/other %u' -oAuthorizedKeysCommandUser=root -o \\\"Banner /etc/a\\\"\"\n"),
			nil, "systemctl daemon-reload && eic enable"},
		"an option of an init script": {map[string]string{
			"etc/ssh/sshd_config": includeFirst, "etc/default/ssh": "SSHD_OPTS=\"-4 -o AuthorizedKeysCommand=/usr/bin/other\"\n",
		}, nil, "eic enable"},
		"an option in a drop-in": {unit("etc/systemd/system/sshd.service.d/x.conf", "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D \\\n -4o AuthorizedKeysCommand=/usr/bin/other \\\n $OPTIONS\n"),
			nil, "systemctl daemon-reload && eic enable"},
	}
}

// Each refusal ends in the one command that succeeds, and perhaps a line to
// write before. An administrator who does as told has eic in force.
func TestEveryRefusalLeadsOut(t *testing.T) {
	for name, test := range refusals() {
		t.Run(name, func(t *testing.T) {
			root := rootToRefuse(t, test.files)
			said, _, run := refused(t, root, append([]string{"enable"}, test.args...)...)
			require.Equal(t, test.run, run)
			writeInstead(t, root, said)
			shell(t, root, run)
			command, ours := runs(t, root)
			require.True(t, ours, command)
		})
	}
}

// rootToRefuse is a root with eic and the programs that refusals recommend.
func rootToRefuse(t *testing.T, files map[string]string) string {
	t.Helper()
	root := sshdtest.NewRoot(t, files)
	sshdtest.InstallEic(t, root)
	sshdtest.InstallPrograms(t, root, "sed", "mv", "rm", "cp", "cat")
	require.NoError(t, os.WriteFile(filepath.Join(root, "usr/bin/systemctl"), []byte("#!/bin/bash\n"), 0o755))
	return root
}

// refused runs eic, which must refuse and change nothing, and returns what it says, what to write
// and what to run.
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

// runs returns what sshd runs for anybody, and whether "eic enable" wrote that.
func runs(t *testing.T, root string) (command string, ours bool) {
	t.Helper()
	e, err := sshd.Host{Root: root}.Effective(t.Context(), sshd.Anybody())
	require.NoError(t, err)
	return e.Command, e.Managed
}

// wrap puts a script in the place of sshd, which it finds as sshd.real.
func wrap(t *testing.T, root, script string) {
	t.Helper()
	program := filepath.Join(root, "usr/sbin/sshd")
	require.NoError(t, os.Rename(program, program+".real"))
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/bash\n"+script), 0o755))
}

// What was enabled before is not dropped unasked.
func TestRefusalsToDropFlagsLeadOut(t *testing.T) {
	for name, test := range map[string]struct {
		config      string
		first, then string
		run, want   string
	}{
		"a flag": {includeFirst, "eic enable --deny-user=root", "--allow-user=alice", "eic enable --deny-user=root --allow-user=alice",
			"/usr/bin/eic authorized-keys --deny-user=root --allow-user=alice %u %f"},
		"a chained command": {otherCommand, "eic enable --chain --budget=4s", "--budget=3s", "eic enable --chain --budget=3s",
			`/usr/bin/eic authorized-keys --budget=3s --run-as _eic --chain "/usr/bin/other %%u" %u %f`},
	} {
		t.Run(name, func(t *testing.T) {
			root := rootToRefuse(t, map[string]string{"etc/ssh/sshd_config": test.config})
			shell(t, root, test.first)
			_, _, run := refused(t, root, "enable", test.then)
			require.Equal(t, test.run, run)
			shell(t, root, run)
			command, ours := runs(t, root)
			require.True(t, ours)
			require.Equal(t, test.want, command)
		})
	}
}

// A command that cannot be chained as it is written needs a script around it; its user stays.
func TestRefusalsToChainLeadOut(t *testing.T) {
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

// An sshd that has its command from elsewhere than its files can be told by that place alone.
func TestRefusalForACommandFromElsewhereLeadsOut(t *testing.T) {
	const file = "etc/site"
	for name, test := range map[string]struct{ lines, want string }{
		"another command's": {"AuthorizedKeysCommand /usr/bin/other %u\nAuthorizedKeysCommandUser git\n", `/usr/bin/eic authorized-keys --chain "/usr/bin/other %%u" %u %f`},
		"a command of root's": {"AuthorizedKeysCommand /usr/bin/other %u\nAuthorizedKeysCommandUser root\n",
			`/usr/bin/eic authorized-keys --run-as _eic --chain "/usr/bin/other %%u" %u %f`},
		"no command": {"UsePAM no\n", "/usr/bin/eic authorized-keys %u %f"},
	} {
		t.Run(name, func(t *testing.T) {
			root := rootToRefuse(t, map[string]string{"etc/ssh/sshd_config": "UsePAM no\nAuthorizedKeysCommand none\n", file: test.lines})
			if name != "no command" {
				sshdtest.PutFiles(t, root, map[string]string{"etc/ssh/sshd_config": "UsePAM no\n"})
			} else {
				sshdtest.PutFiles(t, root, map[string]string{"etc/ssh/sshd_config": otherCommand})
			}
			wrap(t, root, `exec /usr/sbin/sshd.real -f /`+file+` "$@"`+"\n")
			said, write, run := refused(t, root, "enable")
			require.Contains(t, said, "such as a wrapper around it; make the change there")
			require.Empty(t, run, "no command of eic's reaches that place")
			_, user, _ := strings.Cut(test.lines, "\n")
			sshdtest.PutFiles(t, root, map[string]string{file: strings.ReplaceAll(write, "; ", "\n") + "\n" + user})
			command, _ := runs(t, root)
			require.Equal(t, test.want, command)
		})
	}
}

// Where our lines would cost something else its effect, they stand behind it.
func TestRefusalForASideEffectLeadsOut(t *testing.T) {
	root := rootToRefuse(t, map[string]string{"etc/ssh/sshd_config": "UsePAM no\nX11Forwarding yes\n"})
	wrap(t, root, `# An sshd that ignores X11Forwarding behind an AuthorizedKeysCommand, as some ignore AuthorizedPrincipalsCommand.
out=$(/usr/sbin/sshd.real "$@") || exit
while read -r keyword _; do
	case $keyword in
	AuthorizedKeysCommand) behind=1 ;;
	X11Forwarding) [ -z "$behind" ] || out=${out/x11forwarding yes/x11forwarding no} ;;
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

// A file of a package's is copied to where an administrator's stands.
func TestRefusalForAVendorsFileLeadsOut(t *testing.T) {
	root := rootToRefuse(t, map[string]string{sshd.VendorConfig[1:]: "UsePAM no\n"})
	wrap(t, root, `[ -e /etc/ssh/sshd_config ] || set -- -f `+sshd.VendorConfig+` "$@"
exec /usr/sbin/sshd.real "$@"
`)
	_, _, run := refused(t, root, "enable")
	require.Equal(t, "cp "+sshd.VendorConfig+" /etc/ssh/sshd_config && eic enable", run)
	shell(t, root, run)
	_, ours := runs(t, root)
	require.True(t, ours)
}

// A person's account of our name gets another name, and keeps its files.
func TestRefusalForAPersonsAccountLeadsOut(t *testing.T) {
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
	_, ours := runs(t, root)
	require.True(t, ours)
	require.Contains(t, sshdtest.ReadFile(t, root, "etc/passwd"), "former_eic:x:1000:1000:Eva:/home/eva:/bin/bash\n")
}

// Lines that somebody edited are put out of force before they are left behind.
func TestRefusalsOfDisableLeadOut(t *testing.T) {
	for name, test := range map[string]struct{ config, file string }{
		"in our file":    {includeFirst, sshd.DropIn},
		"in sshd_config": {"UsePAM no\n", sshd.MainConfig},
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

// writeInstead does what a message says to write at the place it names.
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

// What stays of a line is what its options were.
func TestLineWithoutOurOptions(t *testing.T) {
	root := sshdtest.NewTree(t, refusals()["an option in an environment file"].files)
	found, err := sshd.Overrides(sshd.NewTree(root))
	require.NoError(t, err)
	require.Equal(t, `OPTIONS="-4 -o \"Banner /etc/a\""`, found[0].LineWithoutOverrides(sshd.NewTree(root)))
	root = sshdtest.NewTree(t, refusals()["an option in a drop-in"].files)
	found, err = sshd.Overrides(sshd.NewTree(root))
	require.NoError(t, err)
	require.Equal(t, `ExecStart=/usr/sbin/sshd -D -4 $OPTIONS`, found[0].LineWithoutOverrides(sshd.NewTree(root)))
}
