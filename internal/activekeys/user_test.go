package activekeys

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// apiPattern is the pattern of InstanceOSUser in the API Reference.
var apiPattern = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9@._-]{0,30}[A-Za-z0-9$_-]?\z`)

func TestValidUser(t *testing.T) {
	for _, name := range []string{
		"", ".", "..", "../signer-cert", "root/../../iam", "a/b", "a%2fb", "a\x00", "a\n", "-oProxyCommand", "--trust-anchors",
		"$x", "a$b", "a b", "ä", "a\\b", "a?b", "a#b", "1a", "a`", "a{", "a[", "a/", "a:", "a,",
		"`", "{", "@", "[", "-", ".a", strings.Repeat("a", 31) + "@", strings.Repeat("a", 31) + ".", strings.Repeat("a", 33),
	} {
		require.False(t, ValidUser(name), "%q", name)
	}
	for _, name := range []string{"ec2-user", "root", "_apt", "a", "machine$", "first.last@corp.example", strings.Repeat("a", 32), "a..", "a@",
		"azAZ09_-", "z", "A", "Z", "_", strings.Repeat("a", 30) + "@", strings.Repeat("a", 31) + "$", strings.Repeat("a", 31) + "-"} {
		require.True(t, ValidUser(name), "%q", name)
	}
}

func FuzzValidUser(f *testing.F) {
	for _, name := range []string{"ec2-user", "a@", "../x", strings.Repeat("a", 31) + "@", strings.Repeat("a", 31) + "$"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		require.Equal(t, apiPattern.MatchString(name) && len(name) <= maxUser, ValidUser(name))
	})
}
