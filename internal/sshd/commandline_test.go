package sshd

import (
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd/sshdtest"
)

// Effective must take into account the options on sshd's command line, in every file that
// can set them.
func TestEffectiveAppliesCommandLineOptions(t *testing.T) {
	const unit = "usr/lib/systemd/system/sshd.service"
	tests := map[string]struct {
		files          map[string]string
		keyword, value string
		where          string
	}{
		"crypto policy file of RHEL 8": {map[string]string{
			unit: "[Service]\nEnvironmentFile=-/etc/crypto-policies/back-ends/opensshserver.config\nEnvironmentFile=-/etc/sysconfig/sshd\n" +
				"ExecStart=/usr/sbin/sshd -D $OPTIONS $CRYPTO_POLICY\n",
			"etc/crypto-policies/back-ends/opensshserver.config": "CRYPTO_POLICY='-oCiphers=aes256-ctr -oPubkeyAcceptedKeyTypes=rsa-sha2-256,rsa-sha2-512'\n",
		}, "pubkeyacceptedalgorithms", "rsa-sha2-256,rsa-sha2-512", "/etc/crypto-policies/back-ends/opensshserver.config:1"},
		"sysconfig file of RHEL": {map[string]string{
			unit:                 "[Service]\nEnvironmentFile=-/etc/sysconfig/sshd\nExecStart=/usr/sbin/sshd -D $OPTIONS\n",
			"etc/sysconfig/sshd": "# site\nOPTIONS=\"-4 -o 'AllowUsers git alice'\"\n",
		}, "allowusers", "git", "/etc/sysconfig/sshd:2"},
		"init script options of Debian without a unit": {map[string]string{"etc/default/ssh": "SSHD_OPTS=-oMaxAuthTries=3\n"}, "maxauthtries", "3", "/etc/default/ssh:1"},
		"drop-in of the unit": {map[string]string{
			unit: plainUnit, "etc/systemd/system/sshd.service.d/x.conf": "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -Do PermitRootLogin=no\n",
		}, "permitrootlogin", "no", "/etc/systemd/system/sshd.service.d/x.conf:3"},
		"ssh@.service is ignored if ssh.service exists": {map[string]string{
			"usr/lib/systemd/system/ssh.service": plainUnit, "usr/lib/systemd/system/ssh@.service": "[Service]\nExecStart=/usr/sbin/sshd -i -oMaxAuthTries=3\n",
		}, "maxauthtries", "6", ""},
		"Match block overrides the command line": {map[string]string{
			unit: "[Service]\nExecStart=/usr/sbin/sshd -D -oMaxAuthTries=5\n", "etc/ssh/sshd_config": "Match User git\nMaxAuthTries 2\n",
		}, "maxauthtries", "2", "/usr/lib/systemd/system/sshd.service:2"},
		"option -f with another file": {map[string]string{
			unit: "[Service]\nExecStart=/usr/sbin/sshd -D -f /etc/ssh/other\n", "etc/ssh/other": "MaxAuthTries 4\n",
		}, "maxauthtries", "4", "/usr/lib/systemd/system/sshd.service:2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.files["etc/ssh/sshd_config"] == "" {
				test.files["etc/ssh/sshd_config"] = "UsePAM no\n"
			}
			h := Host{Root: sshdtest.NewRoot(t, test.files)}
			e, err := h.Effective(t.Context(), Connection{User: "git"})
			require.NoError(t, err)
			require.Equal(t, test.value, e.Values[test.keyword])
			where := ""
			for _, v := range e.CommandLine {
				where = Place(v.File, v.Line)
			}
			require.Equal(t, test.where, where)
		})
	}
}

// If a unit starts sshd with -f, AuthorizedKeysCommand comes from that file.
func TestEffectiveReadsTheFileOfOptionF(t *testing.T) {
	h := Host{Root: sshdtest.NewRoot(t, map[string]string{
		"usr/lib/systemd/system/sshd.service": "[Service]\nExecStart=/usr/sbin/sshd -D -f /etc/ssh/other\n",
		"etc/ssh/sshd_config":                 "AuthorizedKeysCommand /usr/bin/unused\nAuthorizedKeysCommandUser git\n",
		"etc/ssh/other":                       "UsePAM no\nAuthorizedKeysCommand /usr/bin/used\nAuthorizedKeysCommandUser git\n",
	})}
	e, err := h.Effective(t.Context(), Anybody())
	require.NoError(t, err)
	require.Equal(t, "/usr/bin/used", e.Command)
	require.Equal(t, "/etc/ssh/other:2", Place(e.Source.File, e.Source.Line))
}

// processWords returns the complete arguments of an sshd or none, because an incomplete
// command line would hide options.
func TestProcessWordsAreCompleteOrUnknown(t *testing.T) {
	unit := commandLine{unit: "ssh.service", words: []word{{text: "-D"}, {text: "-o"}, {text: "ForceCommand /bin/x -y"}}}
	for name, test := range map[string]struct {
		cmdline string
		want    []string
	}{
		"before OpenSSH 8.2":            {"/usr/sbin/sshd\x00-D\x00-o\x00Banner /etc/issue\x00", []string{"-D", "-o", "Banner /etc/issue"}},
		"from OpenSSH 8.2":              {"sshd: /usr/sbin/sshd -D -oA=1 [listener] 0 of 10-100 startups\x00\x00", []string{"-D", "-oA=1"}},
		"option value of several words": {"sshd: /usr/sbin/sshd -o Banner /etc/issue -4oAllowUsers=a b -D [listener] 1 of 10-100 startups", []string{"-o", "Banner /etc/issue", "-4oAllowUsers=a b", "-D"}},
		"option value with a word like an option, known from the unit": {"sshd: /usr/sbin/sshd -D -o ForceCommand /bin/x -y [listener] 0 of 10-100 startups", []string{"-D", "-o", "ForceCommand /bin/x -y"}},
		"cut-off title of a known unit":                                {"sshd: /usr/sbin/sshd -D -o ForceCommand /bin/x -y [lis", []string{"-D", "-o", "ForceCommand /bin/x -y"}},
		"cut-off title of an unknown command line":                     {"sshd: /usr/sbin/sshd -D -o Ban", nil},
		"word that belongs to no option":                               {"sshd: /usr/sbin/sshd -D x [listener] 0 of 10-100 startups", nil},
		"empty cmdline":                                                {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			words, known := processWords([]byte(test.cmdline), []commandLine{{}, unit})
			require.Equal(t, test.want != nil, known)
			if known {
				require.Equal(t, test.want, words)
			}
		})
	}
}
