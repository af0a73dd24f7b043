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

// Each of these configurations must be refused with the file and line that conflicts, and
// nothing may change.
func TestEnableRefusesToOverrideOtherConfiguration(t *testing.T) {
	unitText := "[Service]\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n"
	tests := map[string]struct {
		files map[string]string
		place string
		says  string
	}{
		"other AuthorizedKeysCommand after the Include is not overridden": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + "UsePAM yes\n" + otherCommand},
			"/etc/ssh/sshd_config:3", `"/usr/bin/other %u"`,
		},
		"other AuthorizedKeysCommand in an earlier drop-in is found": {
			map[string]string{"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/05-site.conf": "\n" + otherCommand},
			"/etc/ssh/sshd_config.d/05-site.conf:2", "--replace-ec2-instance-connect --chain",
		},
		"other AuthorizedKeysCommand in a later drop-in is not overridden": {
			map[string]string{"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/50-site.conf": otherCommand},
			"/etc/ssh/sshd_config.d/50-site.conf:1", "--replace-ec2-instance-connect --chain",
		},
		"other AuthorizedKeysCommand in a nested Include is found": {
			map[string]string{
				"etc/ssh/sshd_config": "Include extra/*\n", "etc/ssh/extra/one": "Include /etc/site/sshd\n", "etc/site/sshd": otherCommand,
			},
			"/etc/site/sshd:1", "--replace-ec2-instance-connect --chain",
		},
		"AuthorizedKeysCommand with an equals sign is found": {
			map[string]string{"etc/ssh/sshd_config": "  AUTHORIZEDKEYSCOMMAND=/usr/bin/other\nauthorizedkeyscommanduser = root\n"},
			"/etc/ssh/sshd_config:1", `"/usr/bin/other"`,
		},
		"AuthorizedKeysCommand in quotes is found": {
			map[string]string{"etc/ssh/sshd_config": `"AuthorizedKeysCommand" /usr/bin/other` + "\n" + `Authorized"KeysCommandUser" root` + "\n"},
			"/etc/ssh/sshd_config:1", `"/usr/bin/other"`,
		},
		"AuthorizedKeysCommand none is not overridden": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + "AuthorizedKeysCommand none\n"},
			"/etc/ssh/sshd_config:2", "turns AuthorizedKeysCommand off",
		},
		"eic written by hand is recognized": {
			map[string]string{"etc/ssh/sshd_config": "AuthorizedKeysCommand /usr/bin/eic authorized-keys %u %f\nAuthorizedKeysCommandUser _eic\n"},
			"/etc/ssh/sshd_config:1", "already runs eic and works",
		},
		"Match all with another AuthorizedKeysCommand is found": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + "Match all\n" + otherCommand},
			"/etc/ssh/sshd_config:3", "applies to every login",
		},
		"Match block for nearly every login is found": {
			map[string]string{"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/60-x.conf": "Match User *,!root Address 0.0.0.0/0\n\t" + otherCommand},
			"/etc/ssh/sshd_config.d/60-x.conf:2", "applies to every login",
		},
		"option in a drop-in of the unit is found": {
			map[string]string{
				"etc/ssh/sshd_config":                includeFirst,
				"usr/lib/systemd/system/ssh.service": unitText,
				"etc/systemd/system/ssh.service.d/override.conf": "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D \\\n" +
					" -oAuthorizedKeysCommand=/usr/bin/other -o 'AuthorizedKeysCommandUser root'\n",
			},
			"/etc/systemd/system/ssh.service.d/override.conf:3", `ssh.service starts sshd with AuthorizedKeysCommand "/usr/bin/other"; sshd keeps this option until it is restarted; write there instead: ExecStart=/usr/sbin/sshd -D; run: systemctl`,
		},
		"option in an environment file of the unit is found": {
			map[string]string{
				"etc/ssh/sshd_config":                 includeFirst,
				"usr/lib/systemd/system/sshd.service": "[Service]\nEnvironmentFile=-/etc/sysconfig/sshd\nExecStart=/usr/sbin/sshd -D $OPTIONS\n",
				"etc/sysconfig/sshd":                  "# site\nOPTIONS=\"-4 -o 'AuthorizedKeysCommand /usr/bin/other %u' -oAuthorizedKeysCommandUser=root\"\n",
			},
			"/etc/sysconfig/sshd:2", `"/usr/bin/other %u"`,
		},
		"option AuthorizedKeysCommandUser of the unit is found": {
			map[string]string{
				"etc/ssh/sshd_config":                 includeFirst,
				"usr/lib/systemd/system/sshd.service": "[Service]\nExecStart=/usr/sbin/sshd -D -o AuthorizedKeysCommandUser=root\n",
			},
			"/usr/lib/systemd/system/sshd.service:2", "AuthorizedKeysCommandUser",
		},
		"unit drop-in of AWS's package in etc cannot be masked": {
			map[string]string{
				"etc/ssh/sshd_config":                                        includeFirst,
				"usr/lib/systemd/system/ssh.service":                         unitText,
				"etc/systemd/system/ssh.service.d/ec2-instance-connect.conf": awsDropIn,
			},
			"/etc/systemd/system/ssh.service.d/ec2-instance-connect.conf:3", "run: rm /etc/systemd/system/ssh.service.d/ec2-instance-connect.conf",
		},
		"another command in a drop-in with the name of AWS's is not masked": {
			map[string]string{
				"etc/ssh/sshd_config":                                            includeFirst,
				"usr/lib/systemd/system/ssh.service":                             unitText,
				"usr/lib/systemd/system/ssh.service.d/ec2-instance-connect.conf": "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D -o AuthorizedKeysCommand=/usr/bin/other\n",
			},
			"/usr/lib/systemd/system/ssh.service.d/ec2-instance-connect.conf:3", "write there instead: ExecStart=/usr/sbin/sshd -D;",
		},
		"option that AWS's drop-in overrides is found": {
			map[string]string{
				"etc/ssh/sshd_config":                                            includeFirst,
				"usr/lib/systemd/system/ssh.service":                             "[Service]\nExecStart=/usr/sbin/sshd -oAuthorizedKeysCommand=/usr/bin/other\n",
				"usr/lib/systemd/system/ssh.service.d/ec2-instance-connect.conf": awsDropIn,
			},
			"/usr/lib/systemd/system/ssh.service:2", `"/usr/bin/other"`,
		},
		"administrator's file with the name of eic's drop-in is not overwritten": {
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

// eic must apply to every login that no Match block singles out, and disable must restore
// the files.
func TestEnablePlacesItsBlockWhereItApplies(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		where string
		note  string
	}{
		"Match block with another AuthorizedKeysCommand is noted": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + "Match User git\n" + otherCommand}, sshd.DropIn,
			`/etc/ssh/sshd_config:3: logins that match "User git" keep their own AuthorizedKeysCommand "/usr/bin/other %u"`,
		},
		"Match block inside an Include is noted": {
			map[string]string{
				"etc/ssh/sshd_config":                includeFirst + "Match Address 10.0.0.0/8\nInclude /etc/ssh/internal\n",
				"etc/ssh/internal":                   "Match User git\n" + otherCommand,
				"etc/ssh/sshd_config.d/50-port.conf": "Port 2222\n",
			}, sshd.DropIn,
			`/etc/ssh/internal:2: logins that match "Address 10.0.0.0/8 and User git" keep`,
		},
		"AuthorizedKeysCommandUser in a Match block is noted": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + "Match User git\nAuthorizedKeysCommandUser root\n"}, sshd.DropIn,
			`/etc/ssh/sshd_config:3: logins that match "User git" keep their own AuthorizedKeysCommandUser "root"`,
		},
		"eic's block is placed outside of Match blocks": {
			map[string]string{"etc/ssh/sshd_config": "Match User git\n\tX11Forwarding no\n"}, sshd.MainConfig, "",
		},
		"Include inside a Match block is not used": {
			map[string]string{"etc/ssh/sshd_config": "UsePAM yes\nMatch User git\n" + includeFirst}, sshd.MainConfig, "",
		},
		"Include inside Match all is not used": {
			map[string]string{"etc/ssh/sshd_config": "Match all\n" + includeFirst}, sshd.MainConfig, "",
		},
		"Include that does not match eic's drop-in is not used": {
			map[string]string{"etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/5*.conf\n"}, sshd.MainConfig, "",
		},
		"Include in a comment is not used": {
			map[string]string{"etc/ssh/sshd_config": "#" + includeFirst + "UsePAM yes\n"}, sshd.MainConfig, "",
		},
		"earlier AuthorizedKeysCommandUser does not apply to eic": {
			map[string]string{"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/05-user.conf": "AuthorizedKeysCommandUser nobody\n"}, sshd.MainConfig, "",
		},
		"later AuthorizedKeysCommandUser does not apply to eic": {
			map[string]string{"etc/ssh/sshd_config": includeFirst + "AuthorizedKeysCommandUser nobody\n"}, sshd.DropIn, "",
		},
		"earlier drop-in that ends in a Match block does not affect eic's drop-in": {
			map[string]string{"etc/ssh/sshd_config": includeFirst, "etc/ssh/sshd_config.d/05-x.conf": "Match User git\n\tX11Forwarding no\n"}, sshd.DropIn, "",
		},
		"empty sshd_config gets eic's block": {map[string]string{"etc/ssh/sshd_config": ""}, sshd.MainConfig, ""},
		"sshd_config without a final newline gets eic's block": {
			map[string]string{"etc/ssh/sshd_config": "UsePAM yes\nMatch User git\n X11Forwarding no"}, sshd.MainConfig, "",
		},
		"sshd_config with carriage returns includes eic's drop-in": {
			map[string]string{"etc/ssh/sshd_config": "UsePAM yes\r\nInclude /etc/ssh/sshd_config.d/*.conf\r\n"}, sshd.DropIn, "",
		},
		"block goes into the file that the unit gives with -f": {
			map[string]string{
				"etc/ssh/sshd_config":                 includeFirst + otherCommand,
				"etc/other":                           "UsePAM yes\n",
				"usr/lib/systemd/system/ssh.service":  "[Service]\nExecStart=/usr/sbin/sshd -Df /etc/other\n",
				"usr/lib/systemd/system/ssh@.service": "[Service]\nExecStart=/usr/sbin/sshd -i -f /etc/third\n",
			}, "/etc/other", `/usr/lib/systemd/system/ssh@.service:2: ssh@.service starts sshd with another sshd_config, "/etc/third", which eic does not change`,
		},
		"unit that gives sshd_config with -f needs no other place": {
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

func TestEnableWithoutOpenSSHServerChangesNothing(t *testing.T) {
	sshdtest.NeedRoot(t)
	for name, files := range map[string]map[string]string{
		"sshd_config is missing": {"etc/hosts": ""},
		"sshd is missing":        {"etc/ssh/sshd_config": includeFirst},
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
