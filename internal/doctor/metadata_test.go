package doctor_test

import (
	"context"
	"crypto/sha1"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/doctor"
	"eic/internal/lookup"
	"eic/internal/metadata"
)

// closed is the URL of a port that nobody listens on.
func closed(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return "http://" + listener.Addr().String()
}

func cannotObserve(b *bench) { b.UID, b.refused = 1000, errors.New("the flags are wrong") }

// deaf is the URL of a port that answers no attempt to connect: its queue has
// one place, and that is taken.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Close(fd)) })
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(fd, 0))
	address, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	name := fmt.Sprintf("127.0.0.1:%d", address.(*syscall.SockaddrInet4).Port)
	conn, err := net.Dial("tcp", name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return "http://" + name
}

func noInstance(b *bench) { delete(b.files, "sys/devices/virtual/dmi/id/board_asset_tag") }

func away(t *testing.T) func(*bench) {
	return func(b *bench) {
		b.asking.Source.Metadata.Endpoint = closed(t)
		b.Dial = func(context.Context, string) error { return syscall.ECONNREFUSED }
	}
}

// locked keeps the command's user, and nobody else, from the metadata service.
func locked(t *testing.T) func(*bench) {
	return func(b *bench) {
		asking := b.asking
		asking.Source.Metadata.Endpoint = closed(t)
		b.locked = &asking
	}
}

func impatient(b *bench) { b.budget = time.Second }

func TestReachingTheMetadataService(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"works": {check: "metadata", verdict: doctor.OK, found: "accepts connections"},
		"fails for everybody": {damage: away(t),
			check: "metadata", verdict: doctor.Broken, found: "connection refused"},
		"is not tried by what is no instance": {damage: noInstance,
			check: "metadata", verdict: doctor.NotChecked, found: "nobody is asked"},
		"fails for one user": {damage: locked(t),
			check: "metadata", verdict: doctor.OK, found: "accepts connections"},
	})
}

// AWS ParallelCluster lets root and a few more users ask the metadata service.
func TestAMetadataServiceThatIsKeptFromTheCommandsUser(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"it is not": {check: "metadata-as-user", verdict: doctor.OK, found: `answers user "_eic" (uid 998)`},
		"it is": {damage: locked(t),
			check: "metadata-as-user", verdict: doctor.Broken, found: `accepts connections from root but not from user "_eic" (uid 998): dial tcp`},
		"it is kept from root too": {damage: away(t),
			check: "metadata-as-user", verdict: doctor.NotChecked, found: "it does not answer"},
		"only root can tell": {damage: func(b *bench) { b.UID = 1000 },
			check: "metadata-as-user", verdict: doctor.NotChecked, found: "only"},
		"it answers, but not about keys": {faults: []string{"active-keys=403"},
			check: "metadata-as-user", verdict: doctor.Broken, found: "403"},
		"root reads no answers in its place": {damage: locked(t),
			check: "region", verdict: doctor.NotChecked, found: "no connection"},
		"root does not ask in place of a user who is gone": {damage: sources("passwd: files"),
			check: "metadata", verdict: doctor.NotChecked, found: `user "_eic" is not known`},
		"root does not ask where it runs the command itself": {damage: configured(ourLine + "AuthorizedKeysCommandUser root\n"),
			check: "metadata", verdict: doctor.NotChecked, found: "user is root"},
	})
}

func TestNoSessionToken(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"IMDSv2 works":   {check: "metadata-v2", verdict: doctor.OK, found: "issues session tokens"},
		"hops are right": {check: "metadata-hops", verdict: doctor.OK, found: "a token came through"},
		"the token's answer is lost on the way": {faults: []string{"token=hang"}, damage: impatient,
			check: "metadata-hops", verdict: doctor.Broken, found: "never answered"},
		"IMDSv2 cannot be told from that": {faults: []string{"token=hang"}, damage: impatient,
			check: "metadata-v2", verdict: doctor.NotChecked, found: "no answer"},
		"the metadata service is turned off": {faults: []string{"imds=disabled"},
			check: "metadata-v2", verdict: doctor.Broken, found: "disabled for this instance"},
		"that is no matter of hops": {faults: []string{"imds=disabled"},
			check: "metadata-hops", verdict: doctor.NotChecked, found: "there was an answer"},
		"a proxy that knows version 1 only": {faults: []string{"imds=v1-only"},
			check: "metadata-v2", verdict: doctor.Broken, found: "404"},
		"a connection that is reset": {faults: []string{"token=reset"}, damage: impatient,
			check: "metadata-v2", verdict: doctor.Broken, found: "reset"},
		"too many requests": {faults: []string{"imds=throttled"}, damage: impatient,
			check: "metadata-v2", verdict: doctor.Broken, found: "503"},
		"nobody to ask": {damage: noInstance,
			check: "metadata-v2", verdict: doctor.NotChecked, found: "nobody is asked"},
		"hops, nobody to ask": {damage: away(t),
			check: "metadata-hops", verdict: doctor.NotChecked, found: "no connection"},
	})
}

func TestTheIPv6Address(t *testing.T) {
	addresses := func(urls ...string) func(*bench) {
		return func(b *bench) { b.asking.Addresses = urls }
	}
	requireTroubles(t, map[string]trouble{
		"answers": {check: "metadata-ipv6", verdict: doctor.OK, found: "answers"},
		"is away and not needed": {damage: func(b *bench) { b.asking.Addresses[1] = closed(t) },
			check: "metadata-ipv6", verdict: doctor.OK, found: "is not needed"},
		"is away like the other": {damage: addresses(closed(t), closed(t)),
			check: "metadata-ipv6", verdict: doctor.NotChecked, found: "neither"},
		"is the only one": {damage: func(b *bench) { b.asking.Addresses[0] = closed(t) },
			check: "metadata-ipv6", verdict: doctor.OK, found: "answers"},
		"answers after a wait for the other": {
			damage: func(b *bench) { b.asking.Addresses[0] = deaf(t) },
			check:  "metadata-ipv6", verdict: doctor.Warning, found: "each login waits 1.5s"},
		"is not asked": {damage: addresses(),
			check: "metadata-ipv6", verdict: doctor.NotChecked, found: "--imds-endpoint says"},
	})
}

func TestWhichInstanceThisIs(t *testing.T) {
	xen := func(b *bench) {
		noInstance(b)
		b.files["sys/hypervisor/uuid"] = owned(0o444, "ec2e1916-9099-7caf-fd21-012345abcdef\n")
	}
	requireTroubles(t, map[string]trouble{
		"Nitro tells": {check: "identity", verdict: doctor.OK, found: "Nitro, i-0123456789abcdef0, as uid 998"},
		"Xen leaves it to others": {damage: xen,
			check: "identity", verdict: doctor.Warning, found: "can log in as anybody"},
		"Xen, and the settings say which or who may push": {damage: func(b *bench) { xen(b); b.asking.Pinned = true },
			check: "identity", verdict: doctor.OK, found: "Xen"},
		"it is none": {damage: noInstance,
			check: "identity", verdict: doctor.Broken, found: "not an EC2 instance"},
		"it is none and need not be": {
			damage: func(b *bench) { noInstance(b); b.asking.Source.AnyMachine = true },
			check:  "identity", verdict: doctor.OK, found: "--no-instance-check"},
		"it is an image on a builder that is none": {
			damage: func(b *bench) { noInstance(b); b.Offline = true },
			check:  "identity", verdict: doctor.NotChecked, found: "not an EC2 instance"},
		"the command's user may not read it": {
			damage: func(b *bench) {
				asking := b.asking
				asking.Source.Root = os.DirFS("/proc/self/mem") // a file in place of a directory
				b.locked = &asking
			},
			check: "identity", verdict: doctor.Broken, found: "as uid 998: opening the identity file"},
		"nobody can look": {
			damage: cannotObserve,
			check:  "identity", verdict: doctor.NotChecked, found: "flags are wrong"},

		"the metadata service agrees": {check: "metadata-instance", verdict: doctor.OK, found: "i-0123456789abcdef0"},
		"the metadata service is another instance's": {faults: []string{"instance=other"},
			check: "metadata-instance", verdict: doctor.Broken, found: `reports "i-0fedcba9876543210", this machine's identity files "i-0123456789abcdef0"`},
		"the metadata service talks nonsense": {faults: []string{"instance=malformed"},
			check: "metadata-instance", verdict: doctor.Broken, found: "expected \"i-\""},
		"the metadata service does not say": {faults: []string{"instance-id=403"},
			check: "metadata-instance", verdict: doctor.Broken, found: "asking for instance-id: answered 403"},
		"the metadata service gives no token": {faults: []string{"imds=disabled"},
			check: "metadata-instance", verdict: doctor.NotChecked, found: "no session token"},
	})
}

func TestWhereThisInstanceIs(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"a region": {check: "region", verdict: doctor.OK, found: "us-east-1"},
		"a Local Zone of an old metadata service": {faults: []string{"region=local-zone"},
			check: "region", verdict: doctor.OK, found: "us-west-2, from the zone us-west-2-lax-1a"},
		"a region that is forged": {faults: []string{"region=forged"},
			check: "region", verdict: doctor.Broken, found: `placement/region is "us-east-1.elb"`},
		"a zone that is none": {faults: []string{"region=zone-garbage"},
			check: "region", verdict: doctor.Broken, found: `placement/availability-zone is "somewhere"`},
		"neither region nor zone": {faults: []string{"region=zone-missing"},
			check: "region", verdict: doctor.Broken, found: "asking for placement/availability-zone: not found"},
		"a region nobody may know": {faults: []string{"region=403"},
			check: "region", verdict: doctor.Broken, found: "asking for placement/region: answered 403"},
		"no token for a region": {faults: []string{"imds=disabled"},
			check: "region", verdict: doctor.NotChecked, found: "no session token"},

		"a domain": {check: "domain", verdict: doctor.OK, found: "amazonaws.com; \"partition NAME\" in /etc/eic/eic.conf would hold this host to it"},
		"a domain of another partition than this host's": {faults: []string{"domain=china"},
			damage: func(b *bench) { b.asking.Domains = []string{"amazonaws.com"} },
			check:  "domain", verdict: doctor.Broken, found: `"amazonaws.com.cn", expected one of amazonaws.com`},
		"a domain of China": {faults: []string{"domain=china"},
			check: "domain", verdict: doctor.OK, found: "amazonaws.com.cn"},
		"a domain that is an attacker's": {faults: []string{"domain=forged"},
			check: "domain", verdict: doctor.Broken, found: `"attacker.example", expected one of amazonaws.com,`},
		"a domain that the administrator added": {faults: []string{"domain=forged"},
			damage: func(b *bench) { b.asking.Domains = []string{"attacker.example"} },
			check:  "domain", verdict: doctor.OK, found: "attacker.example"},
		"a domain nobody may know": {faults: []string{"domain=500"}, damage: impatient,
			check: "domain", verdict: doctor.Broken, found: "asking for services/domain"},
		"no token for a domain": {faults: []string{"imds=disabled"},
			check: "domain", verdict: doctor.NotChecked, found: "no session token"},
	})
}

// longNames serves the staples under names of 129 letters and digits.
func longNames(t *testing.T) func(*bench) {
	const list = "/latest/meta-data/managed-ssh-keys/signer-ocsp"
	suffix := strings.Repeat("0", 129-sha1.Size*2)
	return func(b *bench) {
		service, err := url.Parse(b.asking.Source.Metadata.Endpoint)
		require.NoError(t, err)
		server := httptest.NewServer(&httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(service)
				r.Out.URL.Path = strings.TrimSuffix(r.Out.URL.Path, suffix)
			},
			ModifyResponse: func(r *http.Response) error {
				if r.Request.URL.Path != list {
					return nil
				}
				names, err := io.ReadAll(r.Body)
				text := strings.Join(strings.Fields(string(names)), suffix+"\n") + suffix
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
				r.Header.Set("Content-Length", strconv.Itoa(len(text)))
				return err
			},
		})
		t.Cleanup(server.Close)
		b.asking.Source.Metadata.Endpoint = server.URL
	}
}

func TestTheSigner(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"is good": {check: "signer", verdict: doctor.OK, found: "valid now, until"},
		"is revoked": {faults: []string{"ocsp=revoked"},
			check: "signer", verdict: doctor.Broken, found: "revoked"},
		"has an expired staple": {faults: []string{"ocsp=expired"},
			check: "signer", verdict: doctor.Broken, found: "expired at"},
		"is somebody else": {faults: []string{"signer=wrong-cn"},
			check: "signer", verdict: doctor.Broken, found: `expected "managed-ssh-signer.us-east-1.amazonaws.com"`},
		"is below a root that nobody trusts": {faults: []string{"chain=stranger-root"},
			check: "signer", verdict: doctor.Broken, found: "not trusted"},
		"cannot be had": {faults: []string{"signer-cert=404"},
			check: "signer", verdict: doctor.Broken, found: "signer-cert: not found"},
		"has staples under names that lead elsewhere": {faults: []string{"ocsp=hostile-name"},
			check: "signer", verdict: doctor.OK, found: "valid now"},
		"has staples under names too long to be asked for": {damage: longNames(t),
			check: "signer", verdict: doctor.Broken, found: "its name is not 1 to 128 letters and digits"},
		"has staples that never come": {faults: []string{"staple=hang"}, damage: impatient,
			check: "signer", verdict: doctor.Broken, found: `not trusted: staple "`},
		"has staples that nobody lists": {faults: []string{"staple-list=500"}, damage: impatient,
			check: "signer", verdict: doctor.Broken, found: "staple-list"},
		"runs out within the hour": {
			damage: func(b *bench) { b.Now = b.Now.Add(7*24*time.Hour - 30*time.Minute) },
			check:  "signer", verdict: doctor.Warning, found: "which is in"},
		"has no name without a domain": {faults: []string{"domain=unknown"},
			check: "signer", verdict: doctor.NotChecked, found: "region and domain"},
		"is not looked for without a token": {faults: []string{"imds=disabled"},
			check: "signer", verdict: doctor.NotChecked, found: "no session token"},
	})
}

// dated is a metadata service that has nothing but tokens, and whose clock is
// off.
func dated(t *testing.T, off time.Duration) func(*bench) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
		if off == never {
			w.Header()["Date"] = nil
		}
		if r.Method != http.MethodPut {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
		_, _ = w.Write([]byte("token"))
	}))
	t.Cleanup(server.Close)
	return func(b *bench) { b.asking.Source.Metadata.Endpoint = server.URL }
}

const never = 1000000 * time.Hour

func TestAClockThatIsWrong(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"it is right": {check: "clock", verdict: doctor.OK, found: "agrees with the metadata service's"},
		"it is right enough": {damage: dated(t, -3*time.Second),
			check: "clock", verdict: doctor.OK, found: "agrees with the metadata service's"},
		"ahead, so that keys last less": {damage: dated(t, -20*time.Second),
			check: "clock", verdict: doctor.Warning, found: "ahead of the metadata service's"},
		"ahead, so that no key lasts": {damage: dated(t, -70*time.Second),
			check: "clock", verdict: doctor.Broken, found: "every key has expired"},
		"behind, so that keys last longer": {damage: dated(t, 70*time.Second),
			check: "clock", verdict: doctor.Warning, found: "behind the metadata service's"},
		"nobody tells the time": {damage: dated(t, never),
			check: "clock", verdict: doctor.NotChecked, found: "had a date"},
		"nobody to ask": {damage: away(t),
			check: "clock", verdict: doctor.NotChecked, found: "no connection"},
	})
}

func TestTrustAnchors(t *testing.T) {
	missing := func(string) (*x509.CertPool, error) {
		return nil, errors.New("open /etc/anchors.pem: permission denied")
	}
	requireTroubles(t, map[string]trouble{
		"can be read": {check: "trust-anchors", verdict: doctor.OK, found: "read as uid 998"},
		"cannot be read by the command's user": {
			damage: func(b *bench) {
				asking := b.asking
				asking.Anchors = missing
				b.locked = &asking
			},
			check: "trust-anchors", verdict: doctor.Broken, found: "as uid 998: open /etc/anchors.pem"},
		"are missed by the signer": {damage: func(b *bench) { b.asking.Anchors = missing },
			check: "signer", verdict: doctor.NotChecked, found: "no trust anchors"},
		"nobody can look": {damage: cannotObserve,
			check: "trust-anchors", verdict: doctor.NotChecked, found: "flags are wrong"},
	})
}

func TestTheSystemLog(t *testing.T) {
	mute := func(b *bench) { b.asking.LogSockets = b.asking.LogSockets[:1] }
	requireTroubles(t, map[string]trouble{
		"listens": {check: "system-log", verdict: doctor.OK, found: "listens on"},
		"is not there": {damage: mute,
			check: "system-log", verdict: doctor.Warning, found: "nothing listens"},
		"does not run while an image is made": {
			damage: func(b *bench) { mute(b); b.Offline = true },
			check:  "system-log", verdict: doctor.NotChecked, found: "nothing listens"},
		"nobody can look": {damage: cannotObserve,
			check: "system-log", verdict: doctor.NotChecked, found: "flags are wrong"},
	})
}

// Nobody is asked on a machine that is no instance, and nothing at all for an
// image.
func TestNobodyIsAskedWhoNeedNotBe(t *testing.T) {
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer server.Close()
	for _, damage := range []func(*bench){noInstance, func(b *bench) { b.Offline = true }} {
		b := newBench(t)
		b.asking.Source = lookup.Source{Root: b.files, Metadata: metadata.Options{Endpoint: server.URL}}
		damage(b)
		requireWhole(t, b.examine(t))
		require.False(t, asked)
	}
}
