package doctor

import (
	"cmp"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd"
	"eic/test/host"
	"eic/test/host/hosttest"
)

// refusal is a setting with which sshd refuses or restricts a login with a pushed key, and the
// check of doctor that must report it.
type refusal struct {
	config  string   // before the packages' configuration
	options []string // for sshd's command line
	behind  string   // after the packages' configuration
	damage  func(t *testing.T, h *host.Host)
	user    string // alice if empty
	kind    string // type of the key, ed25519 if empty
	// login is true if the login works nevertheless.
	login   bool
	check   string
	verdict string
	found   string
}

// refusals returns a row for each way in which an sshd of the given version refuses a user
// whose key eic would print.
func refusals(version sshd.Version) map[string]refusal {
	all := refusedUsers()
	maps.Copy(all, refusedKeys(version))
	return all
}

// refusedUsers returns the rows about the user's account.
func refusedUsers() map[string]refusal {
	inGroup := func(t *testing.T, h *host.Host) {
		replace(t, h, "/etc/group", "alice:x:2000:\n", "alice:x:2000:\nops:x:3000:alice\n")
	}
	shadow := func(entry string) func(t *testing.T, h *host.Host) {
		return func(t *testing.T, h *host.Host) { replace(t, h, "/etc/shadow", "alice:*:::::::\n", entry+"\n") }
	}
	shell := func(shell string) func(t *testing.T, h *host.Host) {
		return func(t *testing.T, h *host.Host) {
			replace(t, h, "/etc/passwd", "/run/home/alice:/bin/sh\n", "/run/home/alice:"+shell+"\n")
		}
	}
	return map[string]refusal{
		"the user may log in": {login: true, check: "user-account", verdict: "ok", found: "uid 2000"},

		"the user does not exist": {user: "carol", check: "user-account", verdict: "broken", found: `no user "carol"`},
		"the account expired":     {damage: shadow("alice:*::::::1:"), check: "user-account", verdict: "broken", found: "has expired"},
		"the account is locked":   {damage: shadow("alice:!:::::::"), check: "user-account", verdict: "broken", found: "is locked"},
		"the shell is missing":    {damage: shell("/bin/no-such-shell"), check: "user-account", verdict: "broken", found: `"/bin/no-such-shell", does not exist`},
		"the shell is not executable": {damage: shell("/etc/passwd"), check: "user-account", verdict: "broken",
			found: `"/etc/passwd", is not executable`},
		"the shell is nologin": {damage: shell("/usr/sbin/nologin"), check: "user-account", verdict: "warning", found: "ends every session"},
		"/etc/nologin exists": {check: "user-account", verdict: "broken", found: "/etc/nologin exists",
			damage: func(t *testing.T, h *host.Host) {
				require.NoError(t, h.WriteFile("/etc/nologin", []byte("maintenance\n")))
			}},

		"DenyUsers matches the user":                       {config: "DenyUsers mallory al*\n", check: "user-allowed", verdict: "broken", found: `DenyUsers ["mallory" "al*"] matches user "alice"`},
		"AllowUsers has only other users":                  {config: "AllowUsers bob\nAllowUsers carol\n", check: "user-allowed", verdict: "broken", found: `AllowUsers ["bob" "carol"]`},
		"AllowUsers matches the user":                      {config: "AllowUsers bob ?lice\n", login: true, check: "user-allowed", verdict: "ok", found: "may log in"},
		"AllowUsers has the user at one host":              {config: "AllowUsers alice@127.0.0.1\n", login: true, check: "user-allowed", verdict: "ok", found: `only from ["127.0.0.1"]`},
		"AllowUsers in a Match block has only other users": {config: "Match User alice\nAllowUsers bob\nMatch all\n", check: "user-allowed", verdict: "broken", found: `AllowUsers ["bob"]`},
		"DenyGroups has a group of the user": {damage: inGroup, config: "DenyGroups op?\n", check: "user-allowed", verdict: "broken",
			found: `DenyGroups ["op?"]`},
		"AllowGroups has no group of the user": {config: "AllowGroups ops\n", check: "user-allowed", verdict: "broken", found: `AllowGroups ["ops"]`},
		"AllowGroups has a group of the user":  {damage: inGroup, config: "AllowGroups ops\n", login: true, check: "user-allowed", verdict: "ok", found: "may log in"},

		"PermitRootLogin is no": {user: "root", config: "PermitRootLogin no\n", check: "root-login", verdict: "broken", found: `"no"`},
		"PermitRootLogin is forced-commands-only and the key has no command": {user: "root", config: "PermitRootLogin forced-commands-only\n", check: "root-login", verdict: "broken", found: "command="},
		"PermitRootLogin is forced-commands-only and the key has a command":  {user: "root", config: "PermitRootLogin forced-commands-only\n" + flagged(`--key-options 'command="whoami"'`), login: true, check: "root-login", verdict: "ok", found: "forced"},
		"PermitRootLogin is prohibit-password":                               {user: "root", config: "PermitRootLogin prohibit-password\n", login: true, check: "root-login", verdict: "ok", found: "-password"},
		"PermitRootLogin is no and the user is not root":                     {config: "PermitRootLogin no\n", login: true, check: "root-login", verdict: "ok", found: "not root"},
	}
}

// flagged returns the packages' configuration with more flags.
func flagged(flags string) string {
	return strings.Replace(host.Packaged, "--trust-anchors", flags+" --trust-anchors", 1)
}

// refusedKeys returns the rows about the keys of a user who may log in.
func refusedKeys(version sshd.Version) map[string]refusal {
	const principals = "AuthorizedPrincipalsCommand /usr/bin/true\nAuthorizedPrincipalsCommandUser nobody\n"
	lost := refusal{behind: principals, login: true, check: "principals", verdict: "ok", found: "no AuthorizedPrincipalsCommand is ignored"}
	if !version.Before(8, 7) && version.Before(9, 4) { // bugzilla.mindrot.org 3574
		lost.verdict, lost.found = "warning", "ignores AuthorizedPrincipalsCommand"
	}
	return map[string]refusal{
		"PermitUserEnvironment drops EIC_CALLER": {config: flagged("--caller-env"), login: true, check: "caller-env", verdict: "warning",
			found: `PermitUserEnvironment is "no", so sshd drops the EIC_CALLER`},
		"PermitUserEnvironment drops EIC_REQUEST": {config: "PermitUserEnvironment EIC_CALLER\n" + flagged("--caller-env"), login: true, check: "caller-env",
			verdict: "warning", found: "drops the EIC_REQUEST"},
		"PermitUserEnvironment accepts both variables": {config: "PermitUserEnvironment EIC_*\n" + flagged("--caller-env"), login: true, check: "caller-env",
			verdict: "ok", found: "EIC_*"},

		"AuthorizedPrincipalsCommand after AuthorizedKeysCommand":  lost,
		"AuthorizedPrincipalsCommand before AuthorizedKeysCommand": {config: principals, login: true, check: "principals", verdict: "ok", found: "no AuthorizedPrincipalsCommand is ignored"},
		"AuthorizedKeysCommandUser in a Match block does not exist": {config: "Match Group ops\nAuthorizedKeysCommand /usr/bin/true\nAuthorizedKeysCommandUser ec2-instance-connect\nMatch all\n",
			login: true, check: "command-users", verdict: "broken", found: `no user "ec2-instance-connect"`},

		"PubkeyAuthentication is no": {config: "PubkeyAuthentication no\n", check: "public-keys", verdict: "broken", found: "so sshd never looks up a key"},
		"PubkeyAuthentication is no in a Match block": {config: "Match User alice\nPubkeyAuthentication no\nMatch all\n", check: "public-keys",
			verdict: "broken", found: `user "alice"`},
		"AuthenticationMethods wants two keys": {config: "AuthenticationMethods publickey,publickey\n", check: "methods", verdict: "warning", found: "not enough"},
		"AuthenticationMethods has no publickey": {config: "PasswordAuthentication yes\nAuthenticationMethods password\n", check: "methods", verdict: "broken",
			found: "none of which has publickey"},
		"PubkeyAcceptedAlgorithms has no Ed25519": {config: "PubkeyAcceptedAlgorithms rsa-sha2-256,rsa-sha2-512\n", check: "key-types", verdict: "warning",
			found: "refuses Ed25519 keys: PubkeyAcceptedAlgorithms does not list them (/etc/ssh/sshd_config:1)"},
		"PubkeyAcceptedAlgorithms has no Ed25519 and the key is RSA": {kind: "rsa", config: "PubkeyAcceptedAlgorithms rsa-sha2-256,rsa-sha2-512\n", login: true,
			check: "key-types", verdict: "warning", found: "refuses Ed25519 keys"},
		"crypto policy of RHEL 8 has no Ed25519": {options: []string{"-oCiphers=aes256-ctr", "-oPubkeyAcceptedKeyTypes=rsa-sha2-256,rsa-sha2-512"},
			check: "key-types", verdict: "warning", found: "refuses Ed25519 keys: PubkeyAcceptedAlgorithms does not list them (/proc/"},
		"AllowUsers on sshd's command line has only other users": {options: []string{"-o", "AllowUsers bob carol"}, check: "user-allowed", verdict: "broken",
			found: `AllowUsers ["bob" "carol"] does not match`},
		"PubkeyAcceptedAlgorithms has no RSA": {kind: "rsa", config: "PubkeyAcceptedAlgorithms ssh-ed25519\n", check: "key-types", verdict: "warning",
			found: "refuses RSA keys"},
		"PubkeyAcceptedAlgorithms has neither RSA nor Ed25519": {config: "PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256\n", check: "key-types", verdict: "broken",
			found: "neither RSA nor Ed25519"},
		"RequiredRSASize is more than the key's size": {kind: "rsa", config: "RequiredRSASize 4096\n", check: "key-types", verdict: "warning", found: "RequiredRSASize is 4096"},
	}
}

// The real sshd refuses the login in each row, and doctor and explain must say so.
func TestDoctorReportsWhatSSHDRefuses(t *testing.T) {
	h := start(t, host.Options{})
	require.NoError(t, os.MkdirAll(h.Path(host.Home("root")), 0o700))
	keys := map[string]string{}
	for _, kind := range []string{"ed25519", "rsa"} {
		var err error
		keys[kind], err = h.NewKey(kind, kind)
		require.NoError(t, err)
	}
	for name, row := range refusals(sshd.Host{}.Version(t.Context())) {
		t.Run(name, func(t *testing.T) {
			row.user = cmp.Or(row.user, "alice")
			keepAccounts(t, h)
			require.NoError(t, h.Configure(row.config+host.Packaged+row.behind))
			if row.damage != nil {
				row.damage(t, h)
			}
			h.Log.Forget()
			require.NoError(t, h.StartSSHD(row.options...))
			defer h.StopSSHD()
			key := keys[cmp.Or(row.kind, "ed25519")]
			hosttest.Push(t, h, row.user, key)
			said := hosttest.Capture(t, h.SSH(row.user, key, "whoami"))
			require.Equal(t, row.login, said.Stdout == row.user+"\n", "%+v", said)
			if row.check == "caller-env" {
				told := hosttest.Capture(t, h.SSH(row.user, key, "printenv", "EIC_REQUEST"))
				require.Equal(t, row.verdict == "ok", told.Status == 0, "%+v", told)
			}

			if row.verdict == "broken" && row.check != "command-users" {
				requireExplained(t, h, row, key, "\nsshd refuses "+row.user+", whatever key was pushed\n")
			}
			if row.check == "key-types" && row.verdict == "warning" && !row.login {
				requireExplained(t, h, row, key, "\nsshd refuses the key that was pushed for "+row.user+"\n")
			}
			if row.login && row.check == "key-types" {
				told := explain(t, h, row, key)
				require.Zero(t, told.Status, told.Stdout+told.Stderr)
				require.NotContains(t, told.Stdout, row.found)
			}

			r := examine(t, h, "root", map[string]int{"ok": 0, "broken": 1, "warning": 2}[row.verdict], "--user", row.user)
			c := r.find(t, row.check)
			require.Equal(t, row.verdict, c.Verdict, "%+v", c)
			require.Contains(t, c.Found, row.found)
			if row.verdict != "ok" {
				require.Equal(t, []string{row.check}, r.with(row.verdict), "expected no other finding: %+v", r)
			}
		})
	}
}

// doctor must report the options with which the running sshd was started, not those that were
// written since. If both agree, it names the file.
func TestDoctorReportsTheOptionsOfTheRunningSSHD(t *testing.T) {
	const option = "-oPubkeyAcceptedAlgorithms=rsa-sha2-512"
	h := start(t, host.Options{})
	unit := "[Service]\nEnvironmentFile=-/etc/default/ssh\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n"
	require.NoError(t, h.WriteFile("/etc/systemd/system/ssh.service", []byte(unit)))
	key := hosttest.NewKey(t, h, "key")
	for name, test := range map[string]struct {
		written string
		options []string
		found   string
	}{
		"option added after the start":     {option, nil, "RSA and Ed25519"},
		"option removed after the start":   {"", []string{option}, "(/proc/"},
		"option unchanged since the start": {option, []string{option}, "(/etc/default/ssh:2)"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, h.WriteFile("/etc/default/ssh", []byte("# site\nSSHD_OPTS='"+test.written+"'\n")))
			h.Log.Forget()
			require.NoError(t, h.StartSSHD(test.options...))
			defer h.StopSSHD()
			hosttest.Push(t, h, "alice", key)
			result := hosttest.Capture(t, h.SSH("alice", key, "whoami"))
			require.Equal(t, test.options == nil, result.Status == 0, "%+v", result)
			status := map[bool]int{true: 0, false: 2}[test.options == nil]
			require.Contains(t, examine(t, h, "root", status, "--user", "alice").find(t, "key-types").Found, test.found)
		})
	}
}

// requireExplained requires eic explain to say that a key would be printed, that sshd refuses
// it, and why.
func requireExplained(t *testing.T, h *host.Host, row refusal, key, heading string) {
	t.Helper()
	told := explain(t, h, row, key)
	require.Equal(t, 3, told.Status, told.Stdout+told.Stderr)
	require.Contains(t, told.Stdout, "would be printed\n")
	_, end, found := strings.Cut(told.Stdout, heading)
	require.True(t, found, told.Stdout)
	require.Contains(t, strings.Join(strings.Fields(end), " "), strings.Join(strings.Fields(row.found), " "))
}

// explain runs eic explain for one key, because earlier rows pushed other keys.
func explain(t *testing.T, h *host.Host, row refusal, key string) host.Result {
	t.Helper()
	fingerprint := hosttest.Fingerprint(t, key, "sha256")
	return hosttest.Capture(t, h.Command("root", host.Binary, "explain", "--trust-anchors="+host.TrustAnchors, row.user, fingerprint))
}

// keepAccounts restores the host's accounts at the end of the test.
func keepAccounts(t *testing.T, h *host.Host) {
	t.Helper()
	for _, name := range []string{"/etc/passwd", "/etc/shadow", "/etc/group"} {
		text, err := os.ReadFile(h.Path(name))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, os.WriteFile(h.Path(name), text, 0o644)) })
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(h.Path("/etc/nologin"))) })
}

// replace replaces text in a file of the host.
func replace(t *testing.T, h *host.Host, name, old, new string) {
	t.Helper()
	text, err := os.ReadFile(h.Path(name))
	require.NoError(t, err)
	require.Contains(t, string(text), old)
	require.NoError(t, os.WriteFile(h.Path(name), []byte(strings.Replace(string(text), old, new, 1)), 0o644))
}
