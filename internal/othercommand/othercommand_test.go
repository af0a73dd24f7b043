package othercommand

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseSplitsACommandAsSSHDDoes(t *testing.T) {
	for line, want := range map[string]Command{
		"/usr/bin/sss_ssh_authorizedkeys %u":           {program: "/usr/bin/sss_ssh_authorizedkeys", arguments: []string{"%u"}},
		"/usr/bin/sss_ssh_authorizedkeys":              {program: "/usr/bin/sss_ssh_authorizedkeys", arguments: []string{"%u"}},
		`"/opt/my keys/list" --user="%u" 'a "b"' %f`:   {program: "/opt/my keys/list", arguments: []string{"--user=%u", `a "b"`, "%f"}},
		`/bin/sh -c "echo \"$1\" 100%%" sh %u`:         {program: "/bin/sh", arguments: []string{"-c", `echo "$1" 100%%`, "sh", "%u"}},
		"\t/opt/100%\t--":                              {program: "/opt/100%", arguments: []string{"--"}}, // sshd expands only arguments
		"/usr/bin/userdbctl ssh-authorized-keys %u ''": {program: "/usr/bin/userdbctl", arguments: []string{"ssh-authorized-keys", "%u", ""}},
	} {
		got, err := Parse(line)
		require.NoError(t, err, "%s", line)
		want.line = line
		require.Equal(t, want, got, "%s", line)
		require.Equal(t, line, got.String())
	}
}

func TestParseRefusesAnInvalidCommand(t *testing.T) {
	for line, reason := range map[string]string{
		"":                  "absolute path",
		" \t":               "absolute path",
		"sss %u":            "absolute path",
		"./sss %u":          "absolute path",
		"%u":                "absolute path",
		`/bin/x "a`:         "closing",
		"/bin/x %h":         `unknown token "%h"; write %% for a literal percent sign; the supported tokens are %u (the user), %f (the fingerprint of the key offered) and %%`,
		"/bin/x %u %t %k":   `"%t"`,
		"/bin/x %":          "percent sign at the end",
		"/bin/x %u%":        "percent sign at the end",
		`/bin/x "%%" '% u'`: `"% "`,
	} {
		_, err := Parse(line)
		require.ErrorContains(t, err, reason, "%s", line)
	}
}

func TestNeedsFingerprintIfTheCommandHasTheTokenF(t *testing.T) {
	for line, want := range map[string]bool{
		"/bin/x":         false,
		"/bin/x %u":      false,
		"/bin/x %u %f":   true,
		"/bin/x --fp=%f": true,
		"/bin/x %%f":     false,
		"/%f":            false,
	} {
		c, err := Parse(line)
		require.NoError(t, err)
		require.Equal(t, want, c.NeedsFingerprint(), "%s", line)
	}
}

func TestIsThisProgramUnderAnyName(t *testing.T) {
	this, err := os.Executable()
	require.NoError(t, err)
	link := t.TempDir() + "/link"
	require.NoError(t, os.Symlink(this, link))
	for program, want := range map[string]bool{this: true, link: true, "/bin/sh": false, "/none": false} {
		c, err := Parse(program)
		require.NoError(t, err)
		require.Equal(t, want, c.IsThisProgram(), "%s", program)
	}
}

func TestCommandGetsOnlyTheEnvironmentThatSSHDGives(t *testing.T) {
	require.Equal(t, []string{"PATH=/bin:/usr/bin", "USER=eic", "LOGNAME=eic", "HOME=/", "LANG=C=x"}, environment([]string{
		"PATH=/bin:/usr/bin", "LD_PRELOAD=/tmp/x.so", "USER=eic", "USERX=1", "LOGNAME=eic", "https_proxy=http://evil",
		"HOME=/", "LANG=C=x", "LANGUAGE=de", "=x", "PATHS", "path=/tmp",
	}))
	require.NotNil(t, environment(nil))
}
