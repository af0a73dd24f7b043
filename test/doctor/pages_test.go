package doctor

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/test/host"
	"eic/test/host/hosttest"
	"eic/test/needs"
)

// blocks returns the fenced blocks of a page in a language.
func blocks(t *testing.T, page, language string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + page)
	require.NoError(t, err)
	var found []string
	for _, match := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```\n").FindAllStringSubmatch(string(text), -1) {
		found = append(found, match[1])
	}
	return found
}

func sh(t *testing.T, h *host.Host, script string) host.Result {
	t.Helper()
	return hosttest.Capture(t, h.Command("root", "/bin/sh", "-euc", script))
}

// With the rules of the page, the user of sshd's command reaches the metadata service, and
// other users do not.
func TestFirewallRulesOfTheNetworkPageWork(t *testing.T) {
	needs.Root(t)
	for _, tool := range []string{"/usr/sbin/nft", "/usr/sbin/iptables"} {
		needs.Tool(t, tool)
	}
	rules := blocks(t, "how-to/network.md", "nft")
	require.Len(t, rules, 1)
	commands := blocks(t, "how-to/network.md", "sh")
	require.Len(t, commands, 1)
	for name, try := range map[string]struct {
		options          host.Options
		without, letting string
		address          string
	}{
		"nft, IPv6 only": {host.Options{IPv6Only: true}, strings.ReplaceAll(rules[0], `, "_eic"`, ""), rules[0], "[fd00:ec2::254]"},
		"nft":            {host.Options{}, strings.ReplaceAll(rules[0], `, "_eic"`, ""), rules[0], "169.254.169.254"},
	} {
		t.Run(name, func(t *testing.T) {
			h := hosttest.Start(t, try.options, host.Packaged)
			t.Cleanup(func() { require.NoError(t, exec.Command("nft", "flush", "ruleset").Run()) })
			key := hosttest.NewKey(t, h, "key")
			hosttest.Push(t, h, "alice", key)
			load := func(text string) {
				require.NoError(t, h.WriteFile("/run/eic-test/rules", []byte("flush ruleset\n"+text)))
				require.Zero(t, sh(t, h, "nft -f /run/eic-test/rules").Status)
			}
			load(try.without)
			hosttest.RequireNoLogin(t, h, "alice", key)
			require.Contains(t, examine(t, h, "root", 1).with("broken"), "metadata-as-user")
			load(try.letting)
			hosttest.RequireLogin(t, h, "alice", key)
			require.Empty(t, examine(t, h, "root", 0).with("broken"))
			other := hosttest.Capture(t, h.Command("alice", "/usr/bin/timeout", "2", "/bin/bash", "-c", "exec 3<>/dev/tcp/"+strings.Trim(try.address, "[]")+"/80"))
			require.NotZero(t, other.Status, "another user must not reach the metadata service")
		})
	}
	t.Run("iptables", func(t *testing.T) {
		h := hosttest.Start(t, host.Options{}, host.Packaged)
		t.Cleanup(func() { require.NoError(t, exec.Command("nft", "flush", "ruleset").Run()) })
		const reject = "iptables -A OUTPUT -d 169.254.169.254/32 -m owner ! --uid-owner 0 -j REJECT; ip6tables -A OUTPUT -d fd00:ec2::254 -j REJECT"
		require.Zero(t, sh(t, h, reject).Status)
		require.Contains(t, examine(t, h, "root", 1).with("broken"), "metadata-as-user")
		require.Zero(t, sh(t, h, commands[0]).Status)
		require.Empty(t, examine(t, h, "root", 0).with("broken"))
	})
}

// The commands of the page save and verify evidence.
func TestCommandsThatSaveEvidenceWork(t *testing.T) {
	s := on(t, sim.Options{}, plain)
	hosttest.Push(t, s.host, "alice", hosttest.NewKey(t, s.host, "key"))
	text, err := os.ReadFile("../../docs/how-to/audit.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## Proof for later\n")
	require.True(t, found)
	var commands []string
	for _, match := range regexp.MustCompile(`(?m)^    (.*)$`).FindAllStringSubmatch(section, -1) {
		commands = append(commands, strings.ReplaceAll(match[1], "/var/lib/", "/run/"))
	}
	require.Len(t, commands, 3)
	result := sh(t, s.host, strings.Join(commands, "\n"))
	require.Zero(t, result.Status, "%s%s", result.Stdout, result.Stderr)
	require.Regexp(t, `"reason": ?"printed"`, result.Stdout)
}
