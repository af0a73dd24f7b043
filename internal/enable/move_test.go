package enable

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd"
	"eic/internal/sshd/sshdtest"
)

const (
	awsUserLine   = "AuthorizedKeysCommandUser ec2-instance-connect\n"
	groupByScript = "Match Group ec2i\n\tAuthorizedKeysCommand /usr/share/ec2-instance-connect/eic_run_authorized_keys %u %f\n\t" + awsUserLine
)

// hostWithScript returns a host on which the path of AWS's script is a link to eic.
func hostWithScript(t *testing.T, accounts, config string) sshd.Host {
	t.Helper()
	h := hostWithAccounts(t, accounts)
	sshdtest.PutFiles(t, h.Root, map[string]string{
		"etc/ssh/sshd_config": includeFirst + config, "usr/bin/eic": "", "usr/bin/other": "",
		"etc/group": "root:x:0:\nec2i:x:2000:git\n",
	})
	script := filepath.Join(h.Root, sshd.AWSScripts()[1])
	require.NoError(t, os.MkdirAll(filepath.Dir(script), 0o755))
	require.NoError(t, os.Symlink("../../bin/eic", script))
	return h
}

// Removing AWS's package deletes its user. A Match block that runs eic as that user would
// then run no command.
func TestMatchBlockWithAWSUserGetsEicUserUntilDisable(t *testing.T) {
	const awsAccount = "ec2-instance-connect:!:995:995::/:/usr/sbin/nologin\n"
	for name, test := range map[string]struct {
		accounts, config string
		options          Options
		moved            []string
	}{
		"AWS's user does not exist":                       {"", groupByScript, Options{}, []string{"Match Group ec2i"}},
		"AWS's package is replaced":                       {awsAccount, groupByScript, Options{ReplaceInstanceConnect: true}, []string{"Match Group ec2i"}},
		"AWS's package stays, so the line stays":          {awsAccount, groupByScript, Options{}, nil},
		"Match block sets only AuthorizedKeysCommandUser": {"", "Match User git\n  " + awsUserLine, Options{}, []string{"Match User git"}},
		"last line has no newline":                        {"", strings.TrimSuffix(groupByScript, "\n"), Options{}, []string{"Match Group ec2i"}},
		"user is quoted":                                  {"", "Match User git\n" + `AuthorizedKeysCommandUser "ec2-instance-connect"` + "\n", Options{}, []string{"Match User git"}},
		"Match block with another command is not changed": {
			"", "Match User git\nAuthorizedKeysCommand /usr/bin/other %u\n" + awsUserLine + groupByScript, Options{}, []string{"Match Group ec2i"}},
		"two Match blocks": {"", groupByScript + "Match User git\n" + awsUserLine, Options{}, []string{"Match Group ec2i", "Match User git"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := hostWithScript(t, "_eic:!:990:990::/nonexistent:/usr/sbin/nologin\n"+test.accounts, test.config)
			before := sshdtest.Snapshot(t, h.Root)
			dry := test.options
			dry.DryRun = true
			shown, err := Add(t.Context(), h, dry)
			require.NoError(t, err)
			result, err := Add(t.Context(), h, test.options)
			require.NoError(t, err)
			require.Equal(t, shown.Diff, result.Diff)
			require.Equal(t, len(test.moved), strings.Count(result.Diff, "AuthorizedKeysCommandUser _eic\n")+strings.Count(result.Diff, `AuthorizedKeysCommandUser "_eic"`+"\n")-1)

			config := sshdtest.ReadFile(t, h.Root, sshd.MainConfig)
			for _, match := range test.moved {
				_, block, found := strings.Cut(config, match)
				require.True(t, found)
				block, _, _ = strings.Cut(block, "\nMatch ")
				require.Regexp(t, `(?m)^\s*AuthorizedKeysCommandUser "?_eic"?$`, block)
			}
			again, err := Add(t.Context(), h, test.options)
			require.NoError(t, err)
			require.False(t, again.Changed)
			_, err = Remove(t.Context(), h, false)
			require.NoError(t, err)
			require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
		})
	}
}

// Another command may need AWS's user, so enable only adds a note about it.
func TestEnableNotesAnotherCommandThatRunsAsAWSUser(t *testing.T) {
	const eicAccount = "_eic:!:990:990::/nonexistent:/usr/sbin/nologin\n"
	const config = "Match User git\nAuthorizedKeysCommand /usr/bin/other %u\n" + awsUserLine
	for accounts, note := range map[string]string{
		eicAccount: `there is no user "ec2-instance-connect", so sshd runs the command for no login that matches "User git"; `,
		eicAccount + "ec2-instance-connect:!:995:995::/:/usr/sbin/nologin\n": `sshd runs no command for logins that match "User git" once the user ec2-instance-connect is deleted; `,
	} {
		h := hostWithScript(t, accounts, config)
		result, err := Add(t.Context(), h, Options{ReplaceInstanceConnect: true})
		require.NoError(t, err)
		require.Contains(t, result.Notes, "/etc/ssh/sshd_config:4: "+note+"write there instead: AuthorizedKeysCommandUser _eic")
		require.Contains(t, sshdtest.ReadFile(t, h.Root, sshd.MainConfig), awsUserLine)
	}
}

func TestDisableKeepsAnEditedUserLine(t *testing.T) {
	h := hostWithScript(t, "_eic:!:990:990::/nonexistent:/usr/sbin/nologin\n", groupByScript)
	_, err := Add(t.Context(), h, Options{})
	require.NoError(t, err)
	edited := strings.Replace(sshdtest.ReadFile(t, h.Root, sshd.MainConfig), "User _eic", "User git", 1)
	sshdtest.PutFiles(t, h.Root, map[string]string{sshd.MainConfig[1:]: edited})
	result, err := Remove(t.Context(), h, false)
	require.NoError(t, err)
	require.Contains(t, strings.Join(result.Notes, "\n"), "a line that eic changed was edited since and is left alone")
	require.Equal(t, edited, sshdtest.ReadFile(t, h.Root, sshd.MainConfig))
}
