package vectors

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
	"eic/test/needs"
)

// The example on the page and in go doc is the vector "good", so that readers can verify it.
func TestExampleIsTheGoodVector(t *testing.T) {
	good := string(content(t, read(t).Vectors[0].ActiveKeys))
	for file, prefix := range map[string]string{"docs/reference/protocol.md": "    ", "internal/activekeys/activekeys.go": "//\t"} {
		text, err := os.ReadFile(filepath.Join("../..", file))
		require.NoError(t, err)
		example := prefix + strings.ReplaceAll(strings.TrimSuffix(good, "\n"), "\n", "\n"+prefix)
		require.Contains(t, string(text), "\n"+example+"\n", file)
	}
}

// The commands of the README run unchanged.
func TestCommandsOfTheREADMEVerifyTheGoodVector(t *testing.T) {
	needs.Tool(t, "openssl")
	dir := t.TempDir()
	require.NoError(t, host.Build(t.Context(), dir))
	text, err := os.ReadFile(filepath.Join(directory, "README.md"))
	require.NoError(t, err)
	var lines []string
	for _, match := range regexp.MustCompile(`(?m)^    (.*)$`).FindAllStringSubmatch(string(text), -1) {
		lines = append(lines, match[1])
	}
	script := strings.ReplaceAll(strings.Join(lines, "\n"), "/tmp/", dir+"/")
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-euc", script)
	cmd.Dir = directory
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "Answer: the key would be printed\n")
	require.Contains(t, string(out), "Verified OK\n")
	require.Contains(t, string(out), "good/signer-cert.pem: OK\n")
}
