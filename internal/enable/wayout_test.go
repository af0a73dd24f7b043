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
		"an option in a drop-in": {unit("etc/systemd/system/sshd.service.d/x.conf", "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D \\\n -4o AuthorizedKeysCommand=/usr/bin/other \\\n $OPTIONS\n"),
			nil, "systemctl daemon-reload && eic enable"},
	}
}

// Each refusal ends in the one command that succeeds, and perhaps a line to
// write before. An administrator who does as told has eic in force.
func TestEveryRefusalLeadsOut(t *testing.T) {
	for name, test := range refusals() {
		t.Run(name, func(t *testing.T) {
			root := sshdtest.NewRoot(t, test.files)
			sshdtest.InstallEic(t, root)
			sshdtest.InstallPrograms(t, root, "sed", "mv", "rm")
			require.NoError(t, os.WriteFile(filepath.Join(root, "usr/bin/systemctl"), []byte("#!/bin/bash\n"), 0o755))
			before := sshdtest.Snapshot(t, filepath.Join(root, "etc"))

			out, err := sshdtest.Command(root, sshd.Program, append([]string{"enable"}, test.args...)...).CombinedOutput()
			require.ErrorContains(t, err, "exit status 3", string(out))
			require.Equal(t, before, sshdtest.Snapshot(t, filepath.Join(root, "etc")))
			said, command, found := strings.Cut(strings.TrimSpace(string(out)), "; run: ")
			require.True(t, found, said)
			require.Equal(t, test.run, command)
			writeInstead(t, root, said)

			out, err = sshdtest.Command(root, "/bin/bash", "-c", command).CombinedOutput()
			require.NoError(t, err, string(out))
			e, err := sshd.Host{Root: root}.Effective(t.Context(), sshd.Anybody())
			require.NoError(t, err)
			require.True(t, e.Ours, e.Command)
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
	require.Equal(t, `OPTIONS="-4 -o \"Banner /etc/a\""`, found[0].LineWithout(sshd.NewTree(root)))
	root = sshdtest.NewTree(t, refusals()["an option in a drop-in"].files)
	found, err = sshd.Overrides(sshd.NewTree(root))
	require.NoError(t, err)
	require.Equal(t, `ExecStart=/usr/sbin/sshd -D -4 $OPTIONS`, found[0].LineWithout(sshd.NewTree(root)))
}
