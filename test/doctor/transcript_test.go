package doctor

import (
	"flag"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/test/host"
	"eic/test/host/hosttest"
	"eic/test/needs"
	"eic/test/transcripts"
)

var update = flag.Bool("update", false, "write the transcripts into the document instead of comparing them")

// The transcripts leave out these counts, because each new check would change all of them.
var counts = regexp.MustCompile(`ok: \d+, not checked: \d+`)

// The page on troubleshooting shows exactly what an administrator sees on a host with each
// failure.
func TestTranscriptsOfFailures(t *testing.T) {
	needs.Root(t)
	stories := map[string]string{}
	for name, tell := range map[string]func(*testing.T) string{
		"doctor-no-key": noKey, "doctor-metadata-off": metadataOff, "doctor-clock-off": clockOff,
		"doctor-other-command": otherCommand, "doctor-wrong-domain": wrongDomain,
	} {
		t.Run(name, func(t *testing.T) {
			stories[name] = counts.ReplaceAllLiteralString(tell(t), "ok: …, not checked: …")
		})
	}
	transcripts.Compare(t, []string{"../../docs/how-to/troubleshooting.md"}, stories, *update)
}

// terminal is root's terminal on a host. It records commands and their output.
type terminal struct {
	t    *testing.T
	host *host.Host
	text strings.Builder
}

func (s *terminal) run(status int, args ...string) {
	s.t.Helper()
	result := hosttest.Capture(s.t, s.host.Command("root", host.Binary, args...))
	require.Equal(s.t, status, result.Status, "%s%s", result.Stdout, result.Stderr)
	s.text.WriteString("# eic " + strings.Join(args, " ") + "\n" + result.Stdout + result.Stderr)
}

// on starts a host with sshd running, whose settings name the simulator's roots.
func on(t *testing.T, options sim.Options, config string) *terminal {
	t.Helper()
	h := hosttest.Start(t, host.Options{Sim: options}, config)
	require.NoError(t, h.WriteFile("/etc/eic/eic.conf", []byte("trust-anchors "+host.TrustAnchors+"\n")))
	return &terminal{t: t, host: h}
}

const plain = "AuthorizedKeysCommand " + host.Binary + " authorized-keys %u %f\n" + host.RunAsServiceUser

func noKey(t *testing.T) string {
	s := on(t, sim.Options{}, plain)
	s.run(0, "doctor", "--user", "alice")
	result := hosttest.Capture(t, s.host.Command("root", host.Binary, "explain", "alice"))
	require.Equal(t, 3, result.Status)
	_, end, found := strings.Cut(result.Stdout, "\nAnswer:")
	require.True(t, found, result.Stdout)
	s.text.WriteString("# eic explain alice\n…\nAnswer:" + end)
	return s.text.String()
}

func metadataOff(t *testing.T) string {
	s := on(t, sim.Options{Faults: []string{"imds=disabled"}}, plain)
	s.run(1, "doctor")
	return s.text.String()
}

// clockOff puts a proxy before the simulator that sets the Date of answers to ten minutes
// ago, as on a host whose clock is ten minutes fast.
func clockOff(t *testing.T) string {
	keys := new(ca.Keys)
	s := on(t, sim.Options{Keys: keys}, plain)
	s.host.Sim.Close()
	behind, err := sim.Start(sim.Options{Keys: keys})
	require.NoError(t, err)
	t.Cleanup(behind.Close)
	target, err := url.Parse(behind.IMDS[0])
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{
		// The metadata service refuses requests with the header of a proxy.
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set("Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat))
			return nil
		},
	}
	for _, address := range []string{"169.254.169.254:80", "[fd00:ec2::254]:80"} {
		listener, err := net.Listen("tcp", address)
		require.NoError(t, err)
		server := &http.Server{Handler: proxy, ReadHeaderTimeout: time.Second}
		go func() { _ = server.Serve(listener) }() // returns when it is closed
		t.Cleanup(func() { require.NoError(t, server.Close()) })
	}
	s.run(1, "doctor")
	// Date has whole seconds, so the fraction differs in every run, and with it the line break.
	return regexp.MustCompile(`clock: \S+ ahead of the metadata service's \(\S+\), so every\s+key\s+has`).ReplaceAllLiteralString(s.text.String(),
		"clock: 10m0s ahead of the metadata service's (±500ms), so every\n             key has")
}

func otherCommand(t *testing.T) string {
	s := on(t, sim.Options{}, "AuthorizedKeysCommand /usr/bin/sss_ssh_authorizedkeys %u\nAuthorizedKeysCommandUser nobody\n")
	s.run(1, "doctor")
	return s.text.String()
}

func wrongDomain(t *testing.T) string {
	s := on(t, sim.Options{Faults: []string{"domain=forged"}}, plain)
	s.run(1, "doctor")
	return s.text.String()
}
