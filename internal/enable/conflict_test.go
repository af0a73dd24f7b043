package enable

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd"
	"eic/internal/sshd/sshdtest"
)

const (
	includeFirst = "Include /etc/ssh/sshd_config.d/*.conf\n"
	otherCommand = "AuthorizedKeysCommand /usr/bin/other %u\nAuthorizedKeysCommandUser root\n"
)

// Each of these has to end in a conflict that names the place, with nothing
// changed.
func TestEnableLeavesOthersAlone(t *testing.T) {
	unitText := "[Service]\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n"
	tests := map[string]struct {
		files map[string]string
		place string
		says  string
	}{
		"somebody else's command after the include is overridden": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + "UsePAM yes\n" + otherCommand},
			"/etc/ssh/sshd_config:3", `"/usr/bin/other %u"`,
		},
		"somebody else's command in an earlier file is not seen": {
			map[string]string{"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/05-site.conf": "\n" + otherCommand},
			"/etc/ssh/sshd_config.d/05-site.conf:2", "--replace-ec2-instance-connect --chain",
		},
		"somebody else's command in a later file is overridden": {
			map[string]string{"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/50-site.conf": otherCommand},
			"/etc/ssh/sshd_config.d/50-site.conf:1", "--replace-ec2-instance-connect --chain",
		},
		"somebody else's command in a nested include is not seen": {
			map[string]string{
				"etc/ssh/sshd_config": "Include extra/*\n", "etc/ssh/extra/one": "Include /etc/site/sshd\n", "etc/site/sshd": otherCommand,
			},
			"/etc/site/sshd:1", "--replace-ec2-instance-connect --chain",
		},
		"a command written with an equals sign is not seen": {
			map[string]string{"etc/ssh/sshd_config": "  AUTHORIZEDKEYSCOMMAND=/usr/bin/other\nauthorizedkeyscommanduser = root\n"},
			"/etc/ssh/sshd_config:1", `"/usr/bin/other"`,
		},
		"a command whose keyword is quoted is not seen": {
			map[string]string{"etc/ssh/sshd_config": `"AuthorizedKeysCommand" /usr/bin/other` + "\n" + `Authorized"KeysCommandUser" root` + "\n"},
			"/etc/ssh/sshd_config:1", `"/usr/bin/other"`,
		},
		"somebody's decision for no command is overridden": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + "AuthorizedKeysCommand none\n"},
			"/etc/ssh/sshd_config:2", "somebody has switched this command off",
		},
		"the same program set by hand is taken for another": {
			map[string]string{"etc/ssh/sshd_config": "AuthorizedKeysCommand /usr/bin/eic authorized-keys %u %f\nAuthorizedKeysCommandUser _eic\n"},
			"/etc/ssh/sshd_config:1", "works as it is",
		},
		"a Match block for all hides ours": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + "Match all\n" + otherCommand},
			"/etc/ssh/sshd_config:3", "holds for every login",
		},
		"a Match block for nearly all hides ours": {
			map[string]string{"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/60-x.conf": "Match User *,!root Address 0.0.0.0/0\n\t" + otherCommand},
			"/etc/ssh/sshd_config.d/60-x.conf:2", "holds for every login",
		},
		"a unit drop-in is not seen": {
			map[string]string{
				"etc/ssh/sshd_config":                includeFirst,
				"usr/lib/systemd/system/ssh.service": unitText,
				"etc/systemd/system/ssh.service.d/override.conf": "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D \\\n" +
					" -oAuthorizedKeysCommand=/usr/bin/other -o 'AuthorizedKeysCommandUser root'\n",
			},
			"/etc/systemd/system/ssh.service.d/override.conf:3", `ssh.service starts sshd with AuthorizedKeysCommand "/usr/bin/other"; sshd keeps that until it is restarted; write there instead: ExecStart=/usr/sbin/sshd -D; run: systemctl`,
		},
		"a unit's environment file is not seen": {
			map[string]string{
				"etc/ssh/sshd_config":                 includeFirst,
				"usr/lib/systemd/system/sshd.service": "[Service]\nEnvironmentFile=-/etc/sysconfig/sshd\nExecStart=/usr/sbin/sshd -D $OPTIONS\n",
				"etc/sysconfig/sshd":                  "# site\nOPTIONS=\"-4 -o 'AuthorizedKeysCommand /usr/bin/other %u' -oAuthorizedKeysCommandUser=root\"\n",
			},
			"/etc/sysconfig/sshd:2", `"/usr/bin/other %u"`,
		},
		"a unit's command user is not seen": {
			map[string]string{
				"etc/ssh/sshd_config":                 includeFirst,
				"usr/lib/systemd/system/sshd.service": "[Service]\nExecStart=/usr/sbin/sshd -D -o AuthorizedKeysCommandUser=root\n",
			},
			"/usr/lib/systemd/system/sshd.service:2", "AuthorizedKeysCommandUser",
		},
		"AWS's package's drop-in moved to /etc is masked": {
			map[string]string{
				"etc/ssh/sshd_config":                                        includeFirst,
				"usr/lib/systemd/system/ssh.service":                         unitText,
				"etc/systemd/system/ssh.service.d/ec2-instance-connect.conf": awsDropIn,
			},
			"/etc/systemd/system/ssh.service.d/ec2-instance-connect.conf:3", "run: rm /etc/systemd/system/ssh.service.d/ec2-instance-connect.conf",
		},
		"somebody else's drop-in under AWS's package's name is masked": {
			map[string]string{
				"etc/ssh/sshd_config":                                            includeFirst,
				"usr/lib/systemd/system/ssh.service":                             unitText,
				"usr/lib/systemd/system/ssh.service.d/ec2-instance-connect.conf": "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D -o AuthorizedKeysCommand=/usr/bin/other\n",
			},
			"/usr/lib/systemd/system/ssh.service.d/ec2-instance-connect.conf:3", "write there instead: ExecStart=/usr/sbin/sshd -D;",
		},
		"what AWS's package's drop-in hid is not seen": {
			map[string]string{
				"etc/ssh/sshd_config":                                            includeFirst,
				"usr/lib/systemd/system/ssh.service":                             "[Service]\nExecStart=/usr/sbin/sshd -oAuthorizedKeysCommand=/usr/bin/other\n",
				"usr/lib/systemd/system/ssh.service.d/ec2-instance-connect.conf": awsDropIn,
			},
			"/usr/lib/systemd/system/ssh.service:2", `"/usr/bin/other"`,
		},
		"an administrator's file of our name is overwritten": {
			map[string]string{"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/10-eic.conf": "LogLevel DEBUG\n"},
			sshd.DropIn, `these lines differ from what "eic enable" wrote`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := sshd.Host{Root: sshdtest.NewRoot(t, test.files)}
			before := sshdtest.Snapshot(t, h.Root)
			_, err := Add(t.Context(), h, Options{ReplaceInstanceConnect: true})
			var conflict *ConflictError
			require.ErrorAs(t, err, &conflict)
			require.Equal(t, test.place, sshd.Place(conflict.File, conflict.Line))
			require.True(t, strings.HasPrefix(err.Error(), test.place+": "), err.Error())
			require.ErrorContains(t, err, test.says)
			require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
		})
	}
}

const awsDropIn = "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D -o \"AuthorizedKeysCommand " +
	"/usr/share/ec2-instance-connect/eic_run_authorized_keys %%u %%f\" -o \"AuthorizedKeysCommandUser ec2-instance-connect\" $SSHD_OPTS\n"

func TestEnableWithOthersBeside(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		where string
		note  string
	}{
		"a Match block for some is a conflict": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + "Match User git\n" + otherCommand}, sshd.DropIn,
			`/etc/ssh/sshd_config:3: logins that match "User git" keep their own AuthorizedKeysCommand "/usr/bin/other %u"`,
		},
		"a Match block inside an include is a conflict": {
			map[string]string{
				"etc/ssh/sshd_config":                includeFirst + "Match Address 10.0.0.0/8\nInclude /etc/ssh/internal\n",
				"etc/ssh/internal":                   "Match User git\n" + otherCommand,
				"etc/ssh/sshd_config.d/50-port.conf": "Port 2222\n",
			}, sshd.DropIn,
			`/etc/ssh/internal:2: logins that match "Address 10.0.0.0/8 and User git" keep`,
		},
		"a Match block's command user is not told": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + "Match User git\nAuthorizedKeysCommandUser root\n"}, sshd.DropIn,
			`/etc/ssh/sshd_config:3: logins that match "User git" keep their own AuthorizedKeysCommandUser "root"`,
		},
		"the block lands inside Match": {
			map[string]string{"etc/ssh/sshd_config": "Match User git\n\tX11Forwarding no\n"}, sshd.MainConfig, "",
		},
		"an include inside Match counts": {
			map[string]string{"etc/ssh/sshd_config": "UsePAM yes\nMatch User git\n" + includeFirst}, sshd.MainConfig, "",
		},
		"an include inside Match all counts": {
			map[string]string{"etc/ssh/sshd_config": "Match all\n" + includeFirst}, sshd.MainConfig, "",
		},
		"an include of other names counts": {
			map[string]string{"etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/5*.conf\n"}, sshd.MainConfig, "",
		},
		"an include in a comment counts": {
			map[string]string{"etc/ssh/sshd_config": "#" + includeFirst + "UsePAM yes\n"}, sshd.MainConfig, "",
		},
		"an earlier command user is taken for ours": {
			map[string]string{"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/05-user.conf": "AuthorizedKeysCommandUser nobody\n"}, sshd.MainConfig, "",
		},
		"a later command user is a conflict": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + "AuthorizedKeysCommandUser nobody\n"}, sshd.DropIn, "",
		},
		"an earlier file that ends in Match is": {
			map[string]string{"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/05-x.conf": "Match User git\n\tX11Forwarding no\n"}, sshd.DropIn, "",
		},
		"an empty sshd_config is": {map[string]string{"etc/ssh/sshd_config": ""}, sshd.MainConfig, ""},
		"a file without a newline at its end is": {
			map[string]string{"etc/ssh/sshd_config": "UsePAM yes\nMatch User git\n X11Forwarding no"}, sshd.MainConfig, "",
		},
		"a file with carriage returns is": {
			map[string]string{"etc/ssh/sshd_config": "UsePAM yes\r\nInclude /etc/ssh/sshd_config.d/*.conf\r\n"}, sshd.DropIn, "",
		},
		"a unit that names another file is not seen": {
			map[string]string{
				"etc/ssh/sshd_config":                 includeFirst + otherCommand,
				"etc/other":                           "UsePAM yes\n",
				"usr/lib/systemd/system/ssh.service":  "[Service]\nExecStart=/usr/sbin/sshd -Df /etc/other\n",
				"usr/lib/systemd/system/ssh@.service": "[Service]\nExecStart=/usr/sbin/sshd -i -f /etc/third\n",
			}, "/etc/other", `/usr/lib/systemd/system/ssh@.service:2: ssh@.service starts sshd with another sshd_config, "/etc/third", which eic leaves as it is`,
		},
		"a unit that names sshd_config itself is": {
			map[string]string{
				"etc/ssh/sshd_config":                 includeFirst,
				"usr/lib/systemd/system/sshd.service": "[Service]\nExecStart=/usr/sbin/sshd -D -f /etc/ssh/sshd_config\n",
			}, sshd.DropIn, "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := sshd.Host{Root: sshdtest.NewRoot(t, test.files)}
			before := sshdtest.Snapshot(t, h.Root)
			result, err := Add(t.Context(), h, Options{})
			require.NoError(t, err)
			require.True(t, result.Changed)
			require.Contains(t, strings.Join(result.Notes, "\n"), test.note)
			require.Contains(t, sshdtest.ReadFile(t, h.Root, test.where), blockBegin)

			e, err := h.Effective(t.Context(), sshd.Connection{User: "somebody"})
			require.NoError(t, err)
			require.True(t, e.Managed)
			require.Equal(t, test.where, e.Source.File)

			_, err = Remove(t.Context(), h, false)
			require.NoError(t, err)
			require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
		})
	}
}

func TestEnableWithoutServer(t *testing.T) {
	sshdtest.NeedRoot(t)
	for name, files := range map[string]map[string]string{
		"no configuration": {"etc/hosts": ""},
		"no program":       {"etc/ssh/sshd_config": includeFirst},
	} {
		t.Run(name, func(t *testing.T) {
			root := sshdtest.NewTree(t, files)
			before := sshdtest.Snapshot(t, root)
			_, err := Add(t.Context(), sshd.Host{Root: root}, Options{})
			require.ErrorIs(t, err, sshd.ErrNoServer)
			require.Equal(t, before, sshdtest.Snapshot(t, root))
		})
	}
}
