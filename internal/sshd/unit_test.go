package sshd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd/sshdtest"
)

const plainUnit = "[Service]\nExecStart=/usr/sbin/sshd -D $OPTIONS\n"

func TestOverridesAreFoundInUnitsAndInitScripts(t *testing.T) {
	set := func(unit, file string, line int, value string) []Override {
		return []Override{{unit, file, line, KeysCommand, value}}
	}
	tests := map[string]struct {
		files map[string]string
		want  []Override
	}{
		"unit without -o has no override": {map[string]string{"usr/lib/systemd/system/sshd.service": plainUnit}, nil},
		"drop-in in /etc overrides": {map[string]string{
			"usr/lib/systemd/system/sshd.service":       plainUnit,
			"etc/systemd/system/sshd.service.d/10.conf": "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D -o AuthorizedKeysCommand=/x\n",
		}, set("sshd.service", "/etc/systemd/system/sshd.service.d/10.conf", 3, "/x")},
		"drop-in in /run overrides": {map[string]string{
			"lib/systemd/system/ssh.service":           plainUnit,
			"run/systemd/system/ssh.service.d/10.conf": "[Service]\nExecStart=/usr/sbin/sshd -o AuthorizedKeysCommand=/x\n",
		}, set("ssh.service", "/run/systemd/system/ssh.service.d/10.conf", 2, "/x")},
		"drop-in in /lib overrides": {map[string]string{
			"lib/systemd/system/ssh@.service":           plainUnit,
			"lib/systemd/system/ssh@.service.d/10.conf": "[Service]\nExecStart=/usr/sbin/sshd -i -oAuthorizedKeysCommand=/x\n",
		}, set("ssh@.service", "/lib/systemd/system/ssh@.service.d/10.conf", 2, "/x")},
		"drop-in for all services overrides": {map[string]string{
			"usr/lib/systemd/system/sshd@.service":    plainUnit,
			"etc/systemd/system/service.d/all.conf":   "[Service]\nEnvironment=OPTIONS=-oAuthorizedKeysCommand=/x\n",
			"etc/systemd/system/service.d/other.text": "[Service]\nEnvironment=OPTIONS=\n",
		}, set("sshd@.service", "/etc/systemd/system/service.d/all.conf", 2, "/x")},
		"drop-in hidden by one of the same name in /etc is ignored": {map[string]string{
			"usr/lib/systemd/system/sshd.service":          plainUnit,
			"usr/lib/systemd/system/sshd.service.d/x.conf": "[Service]\nExecStart=/usr/sbin/sshd -oAuthorizedKeysCommand=/x\n",
			"etc/systemd/system/sshd.service.d/x.conf":     "",
		}, nil},
		"ExecStart reset by a drop-in is ignored": {map[string]string{
			"usr/lib/systemd/system/sshd.service":          "[Service]\nExecStart=/usr/sbin/sshd -oAuthorizedKeysCommand=/x\n",
			"usr/lib/systemd/system/sshd.service.d/x.conf": "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D\n",
		}, nil},
		"unit hidden by one in /etc is ignored": {map[string]string{
			"usr/lib/systemd/system/sshd.service": "[Service]\nExecStart=/usr/sbin/sshd -oAuthorizedKeysCommand=/x\n",
			"etc/systemd/system/sshd.service":     plainUnit,
		}, nil},
		"ExecStart outside of Service is ignored": {map[string]string{
			"usr/lib/systemd/system/sshd.service": plainUnit + "[X-Site]\nExecStart=/usr/sbin/sshd -oAuthorizedKeysCommand=/x\n",
		}, nil},
		"comments in a unit are ignored": {map[string]string{
			"usr/lib/systemd/system/sshd.service": "[Service]\n#ExecStart=/usr/sbin/sshd -oAuthorizedKeysCommand=/x\nExecStart=/usr/sbin/sshd \\\n# -oAuthorizedKeysCommand=/x \\\n; more\n -D\n",
		}, nil},
		"AuthorizedKeysFile is no override": {map[string]string{
			"usr/lib/systemd/system/sshd.service": "[Service]\nExecStart=/usr/sbin/sshd -D -o AuthorizedKeysFile=/x -h AuthorizedKeysFile\n",
		}, nil},
		"several options in one word override": {map[string]string{
			"usr/lib/systemd/system/sshd.service": "[Service]\nExecStart=-/usr/sbin/sshd -4Dio 'authorizedkeyscommand \"/x\" %%u %%%%'\n",
		}, set("sshd.service", "/usr/lib/systemd/system/sshd.service", 2, `"/x" %u %%`)},
		"AuthorizedKeysCommand and its user are both reported": {map[string]string{
			"usr/lib/systemd/system/sshd.service": "[Service]\nExecStart=/usr/sbin/sshd -E /log -o AuthorizedKeysCommand=/x -oAuthorizedKeysCommandUser=root\n",
		}, []Override{
			{"sshd.service", "/usr/lib/systemd/system/sshd.service", 2, KeysCommand, "/x"},
			{"sshd.service", "/usr/lib/systemd/system/sshd.service", 2, KeysCommandUser, "root"},
		}},
		"braced variable in ExecStart is expanded": {map[string]string{
			"usr/lib/systemd/system/sshd.service": "[Service]\nEnvironment=\"C=/x %u\" D=1\nExecStart=/usr/sbin/sshd -o \"AuthorizedKeysCommand ${C}\" $UNSET\n",
		}, set("sshd.service", "/usr/lib/systemd/system/sshd.service", 3, "/x %u")},
		"command inside sh -c counts as an override": {map[string]string{
			"usr/lib/systemd/system/sshd.service": "[Service]\nExecStart=/bin/sh -c 'exec /usr/sbin/sshd -D -o AuthorizedKeysCommand=/x'\n",
		}, set("sshd.service", "/usr/lib/systemd/system/sshd.service", 2, "/bin/sh -c 'exec /usr/sbin/sshd -D -o AuthorizedKeysCommand=/x'")},
		"quoted variable of EnvironmentFile is expanded": {map[string]string{
			"usr/lib/systemd/system/sshd.service": "[Service]\nEnvironmentFile=-/nowhere\nEnvironmentFile=/etc/sysconfig/ssh*\nExecStart=/usr/sbin/sshd -D $OPTIONS\n",
			"etc/sysconfig/sshd":                  "; site\nOPTIONS='-o \"AuthorizedKeysCommand /x\"'\n",
		}, set("sshd.service", "/etc/sysconfig/sshd", 2, "/x")},
		"unused variable of EnvironmentFile is ignored": {map[string]string{
			"usr/lib/systemd/system/sshd.service": "[Service]\nEnvironmentFile=/etc/sysconfig/sshd\nExecStart=/usr/sbin/sshd -D $OPTIONS\n",
			"etc/sysconfig/sshd":                  "OTHER=-oAuthorizedKeysCommand=/x\n",
		}, nil},
		"options files of init scripts override if there is no unit": {map[string]string{
			"etc/default/ssh": "# site\nexport SSHD_OPTS=\"-o AuthorizedKeysCommand=/x\"\nno assignment\n",
			"etc/conf.d/sshd": "sshd_args=-oAuthorizedKeysCommand=/y\n",
		}, append(set("", "/etc/conf.d/sshd", 1, "/y"), set("", "/etc/default/ssh", 2, "/x")...)},
		"options files of init scripts are ignored if there is a unit": {map[string]string{
			"usr/lib/systemd/system/sshd.service": plainUnit,
			"etc/default/ssh":                     "SSHD_OPTS=\"-o AuthorizedKeysCommand=/x\"\n",
		}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Overrides(NewTree(sshdtest.NewTree(t, test.files)))
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestUnitWithTwoNamesHasTheDropInsOfBoth(t *testing.T) {
	root := sshdtest.NewTree(t, map[string]string{
		"usr/lib/systemd/system/ssh.service":       plainUnit,
		"etc/systemd/system/sshd.service.d/x.conf": "[Service]\nExecStart=/usr/sbin/sshd -oAuthorizedKeysCommand=/x\n",
	})
	require.NoError(t, os.Symlink("/usr/lib/systemd/system/ssh.service", filepath.Join(root, "etc/systemd/system/sshd.service")))
	got, err := Overrides(NewTree(root))
	require.NoError(t, err)
	require.Equal(t, []Override{{"ssh.service", "/etc/systemd/system/sshd.service.d/x.conf", 2, KeysCommand, "/x"}}, got)

	require.NoError(t, os.Remove(filepath.Join(root, "usr/lib/systemd/system/ssh.service")))
	require.NoError(t, os.Symlink("/dev/null", filepath.Join(root, "etc/systemd/system/ssh.service")))
	_, err = Overrides(NewTree(root))
	require.NoError(t, err, "ssh.service is masked")
}

func FuzzUnit(f *testing.F) {
	f.Add(plainUnit, "OPTIONS='a b' \"c\"\n")
	f.Add("[Service]\nExecStart=\\\n", "\\")
	f.Add("[Service]\nExecStart=/x -o\nEnvironment=OPTIONS=-o\n", "=\n=")
	f.Fuzz(func(t *testing.T, text, environment string) {
		u := unit{environment: environmentLines("e", []byte(environment))}
		require.NoError(t, u.add(NewTree(t.TempDir()), "u", []byte(text)))
		for _, command := range u.commands {
			line := commandLine{"u", command, u.arguments(command)}
			for _, o := range line.overrides() {
				require.NotZero(t, o.Line)
			}
		}
	})
}
