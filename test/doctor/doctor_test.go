// Package doctor runs "eic doctor" on hosts with a real sshd, real users with only their
// own rights, and a metadata service on its own addresses.
package doctor

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/test/host"
	"eic/test/host/hosttest"
)

func TestMain(m *testing.M) { os.Exit(hosttest.Main(m, host.Build)) }

// report is what "eic doctor --json" prints.
type report struct {
	Schema  string
	Checks  []check
	Verdict string
}

type check struct{ ID, Title, Verdict, Found, Remedy string }

// start starts a host where eic is installed and configured as by the packages.
func start(t *testing.T, options host.Options) *host.Host {
	t.Helper()
	options.Users = append(options.Users, "alice")
	h := hosttest.Bare(t, options)
	require.NoError(t, h.Install())
	require.NoError(t, h.Configure(host.Packaged))
	return h
}

// examine runs "eic doctor --json" as a user of the host.
func examine(t *testing.T, h *host.Host, user string, status int, args ...string) report {
	t.Helper()
	result := hosttest.Capture(t, h.Command(user, host.Binary, append([]string{"doctor", "--json"}, args...)...))
	require.Equal(t, status, result.Status, "%s%s", result.Stdout, result.Stderr)
	require.Empty(t, result.Stderr)
	var r report
	require.NoError(t, json.Unmarshal([]byte(result.Stdout), &r))
	require.Equal(t, "eic.doctor/1", r.Schema)
	return r
}

// with returns the ids of the checks that have a verdict.
func (r report) with(verdict string) []string {
	var ids []string
	for _, c := range r.Checks {
		if c.Verdict == verdict {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func (r report) find(t *testing.T, id string) check {
	t.Helper()
	i := slices.IndexFunc(r.Checks, func(c check) bool { return c.ID == id })
	require.GreaterOrEqual(t, i, 0, id)
	return r.Checks[i]
}

// noSELinux are the checks that doctor leaves out if SELinux is not in use.
var noSELinux = []string{"selinux", "selinux-denials"}

func TestPackagedConfigurationIsHealthy(t *testing.T) {
	for name, options := range map[string]host.Options{
		"Nitro":     {},
		"Xen":       {Platform: host.Xen},
		"IPv6 only": {IPv6Only: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, options)
			if options.Platform == host.Xen {
				r := examine(t, h, "root", 2)
				require.Equal(t, []string{"identity"}, r.with("warning"), "%+v", r)
				pinned := strings.Replace(host.Packaged, "--trust-anchors", "--instance-id "+sim.DefaultInstanceID+" --trust-anchors", 1)
				require.NoError(t, h.Configure(pinned))
			}
			r := examine(t, h, "root", 0)
			require.Equal(t, "ok", r.Verdict)
			require.Equal(t, noSELinux, r.with("not checked"), "%+v", r)
			require.Contains(t, r.find(t, "command").Found, "set at /etc/ssh/sshd_config:1")
			require.Contains(t, r.find(t, "arguments").Found, host.TrustAnchors)
			require.Contains(t, r.find(t, "identity").Found, "uid 999")
			require.Empty(t, h.Log.Texts("eic"), "doctor must not write to the system log")
		})
	}
}

// During an image build, the machine may be no EC2 instance, and sshd and the system log may
// not run.
func TestImageIsHealthyOffline(t *testing.T) {
	h := start(t, host.Options{Platform: host.NotEC2})
	require.NoError(t, os.Remove(h.Path("/dev/log")))
	r := examine(t, h, "root", 0, "--offline")
	require.Equal(t, "ok", r.Verdict)
	require.Equal(t, []string{"identity", "system-log", "selinux"}, r.with("not checked"), "%+v", r)
	require.Zero(t, h.Sim.Stats().Total())

	require.NotZero(t, len(examine(t, h, "root", 1).with("broken")), "expected problems without --offline")
}

func ip(t *testing.T, family, line string) {
	t.Helper()
	out, err := exec.Command(host.IP, append([]string{family}, strings.Fields(line)...)...).CombinedOutput()
	require.NoError(t, err, "ip %s %s: %s", family, line, out)
}

// AWS ParallelCluster, and other hosts that keep the instance's credentials from containers,
// let only some users connect to the metadata service.
func TestFirewallThatStopsTheCommandUserIsBroken(t *testing.T) {
	h := start(t, host.Options{})
	for _, family := range []string{"-4", "-6"} {
		// The rule must come before the rule for local addresses.
		ip(t, family, "rule add pref 10 lookup local")
		ip(t, family, "rule del pref 0")
		ip(t, family, "rule add pref 1 uidrange 999-999 prohibit")
		t.Cleanup(func() { ip(t, family, "rule del pref 1") })
	}
	r := examine(t, h, "root", 1)
	require.Equal(t, []string{"metadata-as-user"}, r.with("broken"), "%+v", r)
	require.Contains(t, r.find(t, "metadata-as-user").Found, `accepts connections from root but not from user "_eic" (uid 999): dial tcp 169.254.169.254:80`)
	require.Contains(t, r.find(t, "metadata-as-user").Remedy, "--uid-owner 999")
	require.Equal(t, "not checked", r.find(t, "signer").Verdict, "doctor must not read the answers as root instead")
	require.Zero(t, h.Sim.Stats().Total(), "doctor must not send requests as root")
}

func TestLowHopLimitIsBroken(t *testing.T) {
	h := start(t, host.Options{Sim: sim.Options{Faults: []string{"token=hang"}}})
	require.NoError(t, h.Configure(strings.Replace(host.Packaged, "--trust-anchors", "--budget 1s --trust-anchors", 1)))
	r := examine(t, h, "root", 1)
	require.Equal(t, []string{"metadata-hops"}, r.with("broken"), "%+v", r)
	require.Contains(t, r.find(t, "metadata-hops").Remedy, "--http-put-response-hop-limit 2")
}

// The removal of AWS's package removes its user too.
func TestMissingCommandUserIsBroken(t *testing.T) {
	h := start(t, host.Options{})
	passwd, err := os.ReadFile(h.Path("/etc/passwd"))
	require.NoError(t, err)
	kept := slices.DeleteFunc(strings.SplitAfter(string(passwd), "\n"), func(line string) bool {
		return strings.HasPrefix(line, host.ServiceUser+":")
	})
	require.NoError(t, h.WriteFile("/etc/passwd", []byte(strings.Join(kept, ""))))
	r := examine(t, h, "root", 1)
	require.Equal(t, []string{"account"}, r.with("broken"), "%+v", r)
	require.Contains(t, r.with("not checked"), "as-user")
}

func TestTrustAnchorsThatOnlyRootMayReadAreBroken(t *testing.T) {
	h := start(t, host.Options{})
	require.NoError(t, os.Chmod(h.Path(host.TrustAnchors), 0o600))
	r := examine(t, h, "root", 1)
	require.Equal(t, []string{"trust-anchors"}, r.with("broken"), "%+v", r)
	require.Contains(t, r.find(t, "trust-anchors").Found, "as uid 999")
}

// A Match block may turn the command off for one user.
func TestCommandTurnedOffForOneUserIsBroken(t *testing.T) {
	h := start(t, host.Options{})
	require.NoError(t, h.Configure(host.Packaged+"Match User alice\nAuthorizedKeysCommand none\nMatch all\n"))
	require.Equal(t, "ok", examine(t, h, "root", 0).Verdict)
	r := examine(t, h, "root", 1, "--user", "alice")
	require.Equal(t, []string{"command-for-user"}, r.with("broken"), "%+v", r)
	require.Contains(t, r.find(t, "command-for-user").Found, "set at /etc/ssh/sshd_config:4")
}

// doctor tries the chained command too. If that always fails, the users whose keys it has
// cannot log in.
func TestFailingChainedCommandIsAWarning(t *testing.T) {
	h := start(t, host.Options{})
	chain := func(program string) string {
		return strings.Replace(host.Packaged, "--trust-anchors", `--chain "`+program+` %%u %%f" --trust-anchors`, 1)
	}
	require.NoError(t, h.Configure(chain("/usr/bin/printf %%%%s")))
	r := examine(t, h, "root", 0)
	require.Equal(t, "ok", r.find(t, "trial").Verdict, "%+v", r)
	require.Equal(t, "ok", r.find(t, "chained-command").Verdict, "%+v", r)

	require.NoError(t, h.Configure(chain("/usr/bin/false")))
	r = examine(t, h, "root", 2)
	require.Equal(t, []string{"chained-command"}, r.with("warning"), "%+v", r)
	require.Contains(t, r.find(t, "chained-command").Found, `as user "_eic": exit status 1`)

	without := strings.Replace(chain("/usr/bin/printf"), "%u %f\n", "%u\n", 1)
	require.NoError(t, h.Configure(without))
	r = examine(t, h, "root", 1)
	require.Equal(t, []string{"arguments"}, r.with("broken"), "%+v", r)
	require.Contains(t, r.find(t, "arguments").Found, "expected FINGERPRINT after USER")
}

// Without root, doctor can check less, and says so.
func TestDoctorWithoutRootSaysWhatItCannotCheck(t *testing.T) {
	h := start(t, host.Options{})
	r := examine(t, h, "alice", 0)
	require.Subset(t, r.with("not checked"), []string{"as-user", "metadata-as-user", "trial"})
	require.Equal(t, "ok", r.find(t, "signer").Verdict)
}

// Without a system log, logins work, but nobody learns why a login failed.
func TestMissingSystemLogIsAWarning(t *testing.T) {
	h := start(t, host.Options{})
	require.NoError(t, os.Remove(h.Path("/dev/log")))
	r := examine(t, h, "root", 2)
	require.Equal(t, []string{"system-log"}, r.with("warning"), "%+v", r)
	require.Equal(t, "warning", r.Verdict)
}

func TestReportBeginsWithTheProblem(t *testing.T) {
	h := start(t, host.Options{})
	require.NoError(t, os.Chmod(h.Path(host.Binary), 0o775))
	result, err := host.Capture(t.Context(), h.Command("root", host.Binary, "doctor"))
	require.NoError(t, err)
	require.Equal(t, 1, result.Status)
	require.True(t, strings.HasPrefix(result.Stdout, "broken       owners and modes of the command's path: /usr/bin/eic may be written\n"), result.Stdout)
	require.Contains(t, result.Stdout, "             try: chmod go-w /usr/bin/eic\nRESULT: broken (broken: 1, warnings: 0, ")
}
