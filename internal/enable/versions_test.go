package enable

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd"
	"eic/internal/sshd/sshdtest"
)

// versionCase is a configuration that some version of OpenSSH reads in a way of
// its own.
type versionCase struct {
	since sshd.Version
	files map[string]string
	// where is the file that our lines are to stand in, old where they stand
	// for OpenSSH 8.2.
	where, old string
	// note is what enable says, oldNote what it says on 8.2.
	note, oldNote string
	chain         bool
}

func versionCases() map[string]versionCase {
	const principals = "TrustedUserCAKeys /etc/ssh/ca.pub\nAuthorizedPrincipalsCommand /usr/bin/principals\nAuthorizedPrincipalsCommandUser nobody\n"
	included := sshd.Version{Major: 8, Minor: 2}
	matchGit := "\nMatch User git\n" + otherCommand
	return map[string]versionCase{
		"nothing is set": {files: map[string]string{"sshd_config": "UsePAM yes\n"}, where: sshd.MainConfig},
		"keywords are written in any case": {
			files: map[string]string{"sshd_config": "authorizedkeyscommand /usr/bin/other %u\nAUTHORIZEDKEYSCOMMANDUSER root\n"},
			where: sshd.MainConfig, chain: true, note: `the command of /etc/ssh/sshd_config:6 still runs as "root"`,
		},
		"a Match block changes something else": {
			files: map[string]string{"sshd_config": "UsePAM yes\nMatch User git\nX11Forwarding no\n"}, where: sshd.MainConfig,
		},
		"a Match block asks for the port": {
			files: map[string]string{"sshd_config": "UsePAM yes\nMatch LocalPort 2222\nX11Forwarding no\n"}, where: sshd.MainConfig,
		},
		"a Match block has a command of its own": {
			files: map[string]string{"sshd_config": "UsePAM yes" + matchGit}, where: sshd.MainConfig,
			note: `/etc/ssh/sshd_config:8: logins that match "User git" keep their own AuthorizedKeysCommand "/usr/bin/other %u"`,
		},
		"certificates need a command": {
			files: map[string]string{"sshd_config": principals + "UsePAM yes\n"}, where: sshd.MainConfig,
		},
		"a directory is included": {
			since: included, files: map[string]string{"sshd_config": includeFirst, "sshd_config.d/50-x.conf": "UsePAM yes\n"}, where: sshd.DropIn,
		},
		"a directory is included by a relative path": {
			since: included, files: map[string]string{"sshd_config": "Include sshd_config.d/*.conf\n", "sshd_config.d/50-x.conf": "UsePAM yes\n"},
			where: sshd.DropIn, old: sshd.MainConfig,
		},
		"a Match block stands in an included file": {
			since: included, files: map[string]string{"sshd_config": includeFirst, "sshd_config.d/50-x.conf": "UsePAM yes" + matchGit},
			where: sshd.DropIn, note: `/etc/ssh/sshd_config.d/50-x.conf:3: logins that match "User git" keep`, oldNote: "none",
		},
	}
}

// What enable makes of each configuration under each version of OpenSSH that was
// recorded.
func TestEveryRecordedVersion(t *testing.T) {
	for _, server := range sshdtest.StandIns(t) {
		for name, test := range versionCases() {
			t.Run(server.Version+" "+name, func(t *testing.T) {
				files := map[string]string{"usr/sbin/sshd": "", "etc/passwd": "root:x:0:0::/:/bin/sh\n_eic:x:990:990::/nonexistent:/bin/false\n"}
				for file, text := range test.files {
					files["etc/ssh/"+file] = text
				}
				root := sshdtest.NewTree(t, files)
				h := sshd.Host{Root: root, Run: server.Runner(root)}
				version := h.Version(t.Context())
				require.Equal(t, server.Version, fmt.Sprintf("%d.%d", version.Major, version.Minor))
				if version.Before(test.since.Major, test.since.Minor) {
					t.Skip("this version has no Include")
				}
				if server.Version == "8.2" && test.old != "" {
					test.where = test.old
				}
				if server.Version == "8.2" && test.oldNote != "" {
					test.note = ""
				}
				test.run(t, h)
			})
		}
	}
}

// An sshd takes a key with an option that it does not know for none, wherever the option is set.
func TestKeyOptionThatOldSSHDRefusesIsNamed(t *testing.T) {
	for option, until := range map[string]string{`expiry-time="20300101"`: "7.4", `permitlisten="1"`: "7.4", "no-touch-required": "8.0", "verify-required": "8.2"} {
		known := false
		for _, server := range sshdtest.StandIns(t) {
			for place, o := range map[string]Options{
				"in a flag":          {Flags: []string{`--key-options=command="expiry-time",` + option}},
				"in the host's file": {KeyOptions: "restrict," + option},
			} {
				t.Run(server.Version+" "+option+" "+place, func(t *testing.T) {
					root := sshdtest.NewTree(t, map[string]string{"usr/sbin/sshd": "", "etc/ssh/sshd_config": "", "etc/passwd": sshd.CommandUser + ":x:990:990::/nonexistent:/usr/sbin/nologin\n"})
					result, err := Add(t.Context(), sshd.Host{Root: root, Run: server.Runner(root)}, o)
					require.NoError(t, err)
					require.Equal(t, known, !strings.Contains(strings.Join(result.Notes, "\n"), "refuses every key"))
				})
			}
			known = known || server.Version == until
		}
	}
}

func (test versionCase) run(t *testing.T, h sshd.Host) {
	t.Helper()
	before := sshdtest.Snapshot(t, h.Root)
	asked, err := h.Ask(t.Context(), sshd.Anybody())
	require.NoError(t, err)

	if test.chain {
		_, err := Add(t.Context(), h, Options{})
		var conflict *ConflictError
		require.ErrorAs(t, err, &conflict)
		require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
	}
	result, err := Add(t.Context(), h, Options{Chain: test.chain})
	require.NoError(t, err)
	require.True(t, result.Changed)
	require.Contains(t, strings.Join(result.Notes, "\n"), test.note)
	if test.note == "" {
		require.Empty(t, result.Notes)
	}
	e, err := h.Effective(t.Context(), sshd.Anybody())
	require.NoError(t, err)
	require.True(t, e.Managed)
	require.Equal(t, test.where, e.Source.File)
	require.Equal(t, commandUser(test.chain), e.User)
	require.Zero(t, e.ShadowedPrincipals)
	answer, err := h.Ask(t.Context(), sshd.Anybody())
	require.NoError(t, err)
	require.Empty(t, asked.Changes(answer))

	again, err := Add(t.Context(), h, Options{Chain: test.chain})
	require.NoError(t, err)
	require.False(t, again.Changed)
	_, err = Remove(t.Context(), h, false)
	require.NoError(t, err)
	require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
}
