package enable

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd"
	"eic/internal/sshd/sshdtest"
)

// versionCase is a configuration that at least one version of OpenSSH reads differently.
type versionCase struct {
	since sshd.Version
	files map[string]string
	// where is the file that eic's lines must be in. where82 is that file for OpenSSH 8.2,
	// if it differs.
	where, where82 string
	// note must be part of the notes. noNote82 is set if OpenSSH 8.2 gets no note.
	note     string
	noNote82 bool
	chain    bool
}

func versionCases() map[string]versionCase {
	const principals = "TrustedUserCAKeys /etc/ssh/ca.pub\nAuthorizedPrincipalsCommand /usr/bin/principals\nAuthorizedPrincipalsCommandUser nobody\n"
	included := sshd.Version{Major: 8, Minor: 2}
	matchGit := "\nMatch User git\n" + otherCommand
	return map[string]versionCase{
		"no AuthorizedKeysCommand": {files: map[string]string{"sshd_config": "UsePAM yes\n"}, where: sshd.MainConfig},
		"AuthorizedKeysCommand in lower and upper case": {
			files: map[string]string{"sshd_config": "authorizedkeyscommand /usr/bin/other %u\nAUTHORIZEDKEYSCOMMANDUSER root\n"},
			where: sshd.MainConfig, chain: true, note: `the command of /etc/ssh/sshd_config:6 still runs as "root"`,
		},
		"Match block with another setting": {
			files: map[string]string{"sshd_config": "UsePAM yes\nMatch User git\nX11Forwarding no\n"}, where: sshd.MainConfig,
		},
		"Match block with LocalPort": {
			files: map[string]string{"sshd_config": "UsePAM yes\nMatch LocalPort 2222\nX11Forwarding no\n"}, where: sshd.MainConfig,
		},
		"Match block with another AuthorizedKeysCommand": {
			files: map[string]string{"sshd_config": "UsePAM yes" + matchGit}, where: sshd.MainConfig,
			note: `/etc/ssh/sshd_config:8: logins that match "User git" keep their own AuthorizedKeysCommand "/usr/bin/other %u"`,
		},
		"AuthorizedPrincipalsCommand": {
			files: map[string]string{"sshd_config": principals + "UsePAM yes\n"}, where: sshd.MainConfig,
		},
		"Include of the drop-in directory": {
			since: included, files: map[string]string{"sshd_config": includeFirst, "sshd_config.d/50-x.conf": "UsePAM yes\n"}, where: sshd.DropIn,
		},
		"Include of the drop-in directory by a relative path": {
			since: included, files: map[string]string{"sshd_config": "Include sshd_config.d/*.conf\n", "sshd_config.d/50-x.conf": "UsePAM yes\n"},
			where: sshd.DropIn, where82: sshd.MainConfig,
		},
		"Match block in an included file": {
			since: included, files: map[string]string{"sshd_config": includeFirst, "sshd_config.d/50-x.conf": "UsePAM yes" + matchGit},
			where: sshd.DropIn, note: `/etc/ssh/sshd_config.d/50-x.conf:3: logins that match "User git" keep`, noNote82: true,
		},
	}
}

// enable must place eic's lines where they apply, for every recorded version of OpenSSH.
func TestEnableOnEveryRecordedOpenSSHVersion(t *testing.T) {
	for _, server := range sshdtest.StandIns(t) {
		for name, test := range versionCases() {
			t.Run("OpenSSH "+server.Version+" "+name, func(t *testing.T) {
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
				if server.Version == "8.2" && test.where82 != "" {
					test.where = test.where82
				}
				if server.Version == "8.2" && test.noNote82 {
					test.note = ""
				}
				test.run(t, h)
			})
		}
	}
}

// An sshd refuses every key with an option that it does not support. enable must say so,
// whether a flag or the host's settings file sets the option.
func TestEnableNotesAKeyOptionThatSSHDDoesNotSupport(t *testing.T) {
	for option, last := range map[string]string{`expiry-time="20300101"`: "7.4", `permitlisten="1"`: "7.4", "no-touch-required": "8.0", "verify-required": "8.2"} {
		supported := false
		for _, server := range sshdtest.StandIns(t) {
			for place, o := range map[string]Options{
				"a flag":            {Flags: []string{`--key-options=command="expiry-time",` + option}},
				"the settings file": {KeyOptions: "restrict," + option},
			} {
				t.Run("OpenSSH "+server.Version+" "+option+" in "+place, func(t *testing.T) {
					root := sshdtest.NewTree(t, map[string]string{"usr/sbin/sshd": "", "etc/ssh/sshd_config": "", "etc/passwd": sshd.CommandUser + ":x:990:990::/nonexistent:/usr/sbin/nologin\n"})
					result, err := Add(t.Context(), sshd.Host{Root: root, Run: server.Runner(root)}, o)
					require.NoError(t, err)
					require.Equal(t, supported, !strings.Contains(strings.Join(result.Notes, "\n"), "refuses every key"))
				})
			}
			supported = supported || server.Version == last
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
