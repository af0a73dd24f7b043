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

// closed returns the URL of a port on which nothing listens.
func closed(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return "http://" + listener.Addr().String()
}

func cannotObserve(b *bench) { b.UID, b.refused = 1000, errors.New("the flags are wrong") }

// unresponsive returns the URL of a port that never answers an attempt to connect: its queue
// holds one connection and is full.
func unresponsive(t *testing.T) string {
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

// unreachable makes every connection to the metadata service fail.
func unreachable(t *testing.T) func(*bench) {
	return func(b *bench) {
		b.asking.Source.Metadata.Endpoint = closed(t)
		b.Dial = func(context.Context, string) error { return syscall.ECONNREFUSED }
	}
}

// blocked blocks connections of the command's user to the metadata service. Other users can
// still connect.
func blocked(t *testing.T) func(*bench) {
	return func(b *bench) {
		asking := b.asking
		asking.Source.Metadata.Endpoint = closed(t)
		b.asUser = &asking
	}
}

// impatient shortens the budget, so that a service that never answers does not delay the
// test.
func impatient(b *bench) { b.budget = time.Second }

func TestReachingTheMetadataService(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"service accepts connections": {check: "metadata", verdict: doctor.OK, found: "accepts connections"},
		"service refuses connections from every user": {damage: unreachable(t),
			check: "metadata", verdict: doctor.Broken, found: "connection refused"},
		"machine is not an instance": {damage: noInstance,
			check: "metadata", verdict: doctor.NotChecked, found: "no request is sent"},
		"service is blocked for the command user only": {damage: blocked(t),
			check: "metadata", verdict: doctor.OK, found: "accepts connections"},
	})
}

// AWS ParallelCluster blocks the metadata service for all users but root and a few others.
func TestMetadataServiceBlockedForTheCommandUser(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"user can connect": {check: "metadata-as-user", verdict: doctor.OK, found: `answers user "_eic" (uid 998)`},
		"only the user is blocked": {damage: blocked(t),
			check: "metadata-as-user", verdict: doctor.Broken, found: `accepts connections from root but not from user "_eic" (uid 998): dial tcp`},
		"root cannot connect either": {damage: unreachable(t),
			check: "metadata-as-user", verdict: doctor.NotChecked, found: "does not answer"},
		"doctor is not root": {damage: func(b *bench) { b.UID = 1000 },
			check: "metadata-as-user", verdict: doctor.NotChecked, found: "only"},
		"service refuses to list the keys": {faults: []string{"active-keys=403"},
			check: "metadata-as-user", verdict: doctor.Broken, found: "403"},
		"user is blocked, and root does not query in its place": {damage: blocked(t),
			check: "region", verdict: doctor.NotChecked, found: "no connection"},
		"user does not exist, and root does not query in its place": {damage: sources("passwd: files"),
			check: "metadata", verdict: doctor.NotChecked, found: `user "_eic" is not known`},
		"user is root, and root does not query": {damage: configured(ourLine + "AuthorizedKeysCommandUser root\n"),
			check: "metadata", verdict: doctor.NotChecked, found: "user is root"},
	})
}

func TestSessionToken(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"service issues a token":   {check: "metadata-v2", verdict: doctor.OK, found: "issues session tokens"},
		"hop limit is high enough": {check: "metadata-hops", verdict: doctor.OK, found: "a token arrived"},
		"token request is never answered, so the hop limit is suspected": {faults: []string{"token=hang"}, damage: impatient,
			check: "metadata-hops", verdict: doctor.Broken, found: "never answered"},
		"token request is never answered, so IMDSv2 is not checked": {faults: []string{"token=hang"}, damage: impatient,
			check: "metadata-v2", verdict: doctor.NotChecked, found: "no answer"},
		"metadata service is disabled": {faults: []string{"imds=disabled"},
			check: "metadata-v2", verdict: doctor.Broken, found: "disabled for this instance"},
		"metadata service is disabled, so the hop limit is not checked": {faults: []string{"imds=disabled"},
			check: "metadata-hops", verdict: doctor.NotChecked, found: "there was an answer"},
		"proxy supports only IMDSv1": {faults: []string{"imds=v1-only"},
			check: "metadata-v2", verdict: doctor.Broken, found: "404"},
		"connection is reset": {faults: []string{"token=reset"}, damage: impatient,
			check: "metadata-v2", verdict: doctor.Broken, found: "reset"},
		"service throttles requests": {faults: []string{"imds=throttled"}, damage: impatient,
			check: "metadata-v2", verdict: doctor.Broken, found: "503"},
		"machine is not an instance": {damage: noInstance,
			check: "metadata-v2", verdict: doctor.NotChecked, found: "no request is sent"},
		"no connection, so the hop limit is not checked": {damage: unreachable(t),
			check: "metadata-hops", verdict: doctor.NotChecked, found: "no connection"},
	})
}

func TestIPv6Address(t *testing.T) {
	addresses := func(urls ...string) func(*bench) {
		return func(b *bench) { b.asking.Addresses = urls }
	}
	requireTroubles(t, map[string]trouble{
		"both addresses answer": {check: "metadata-ipv6", verdict: doctor.OK, found: "answers"},
		"IPv6 address does not answer and is not needed": {damage: func(b *bench) { b.asking.Addresses[1] = closed(t) },
			check: "metadata-ipv6", verdict: doctor.OK, found: "is not needed"},
		"neither address answers": {damage: addresses(closed(t), closed(t)),
			check: "metadata-ipv6", verdict: doctor.NotChecked, found: "neither"},
		"only the IPv6 address answers": {damage: func(b *bench) { b.asking.Addresses[0] = closed(t) },
			check: "metadata-ipv6", verdict: doctor.OK, found: "answers"},
		"IPv4 address delays each login": {
			damage: func(b *bench) { b.asking.Addresses[0] = unresponsive(t) },
			check:  "metadata-ipv6", verdict: doctor.Warning, found: "each login waits 1.5s"},
		"a setting names one endpoint": {damage: addresses(),
			check: "metadata-ipv6", verdict: doctor.NotChecked, found: "--imds-endpoint sets"},
	})
}

func TestIdentityOfTheInstance(t *testing.T) {
	xen := func(b *bench) {
		noInstance(b)
		b.files["sys/hypervisor/uuid"] = owned(0o444, "ec2e1916-9099-7caf-fd21-012345abcdef\n")
	}
	requireTroubles(t, map[string]trouble{
		"Nitro names the instance": {check: "identity", verdict: doctor.OK, found: "Nitro, i-0123456789abcdef0, as uid 998"},
		"Xen does not name the instance, nor do the settings": {damage: xen,
			check: "identity", verdict: doctor.Warning, found: "can log in as anybody"},
		"Xen, but the settings name the instance or the callers": {damage: func(b *bench) { xen(b); b.asking.Pinned = true },
			check: "identity", verdict: doctor.OK, found: "Xen"},
		"machine is not an instance": {damage: noInstance,
			check: "identity", verdict: doctor.Broken, found: "not an EC2 instance"},
		"machine is not an instance, with --no-instance-check": {
			damage: func(b *bench) { noInstance(b); b.asking.Source.AnyMachine = true },
			check:  "identity", verdict: doctor.OK, found: "--no-instance-check"},
		"image is built on a machine that is not an instance": {
			damage: func(b *bench) { noInstance(b); b.Offline = true },
			check:  "identity", verdict: doctor.NotChecked, found: "not an EC2 instance"},
		"command user cannot read the identity file": {
			damage: func(b *bench) {
				asking := b.asking
				asking.Source.Root = os.DirFS("/proc/self/mem") // a file in place of a directory
				b.asUser = &asking
			},
			check: "identity", verdict: doctor.Broken, found: "as uid 998: opening the identity file"},
		"no user can observe": {
			damage: cannotObserve,
			check:  "identity", verdict: doctor.NotChecked, found: "flags are wrong"},

		"metadata service reports the same instance": {check: "metadata-instance", verdict: doctor.OK, found: "i-0123456789abcdef0"},
		"metadata service reports another instance": {faults: []string{"instance=other"},
			check: "metadata-instance", verdict: doctor.Broken, found: `reports "i-0fedcba9876543210", this machine's identity files "i-0123456789abcdef0"`},
		"metadata service reports an invalid instance id": {faults: []string{"instance=malformed"},
			check: "metadata-instance", verdict: doctor.Broken, found: "expected \"i-\""},
		"metadata service refuses to report the instance": {faults: []string{"instance-id=403"},
			check: "metadata-instance", verdict: doctor.Broken, found: "asking for instance-id: answered 403"},
		"no token to ask for the instance id": {faults: []string{"imds=disabled"},
			check: "metadata-instance", verdict: doctor.NotChecked, found: "no session token"},
	})
}

func TestRegionAndDomain(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"Region is valid": {check: "region", verdict: doctor.OK, found: "us-east-1"},
		"old metadata service reports only a Local Zone": {faults: []string{"region=local-zone"},
			check: "region", verdict: doctor.OK, found: "us-west-2, from the zone us-west-2-lax-1a"},
		"Region is forged": {faults: []string{"region=forged"},
			check: "region", verdict: doctor.Broken, found: `placement/region is "us-east-1.elb"`},
		"Availability Zone is invalid": {faults: []string{"region=zone-garbage"},
			check: "region", verdict: doctor.Broken, found: `placement/availability-zone is "somewhere"`},
		"neither Region nor Availability Zone is reported": {faults: []string{"region=zone-missing"},
			check: "region", verdict: doctor.Broken, found: "asking for placement/availability-zone: not found"},
		"metadata service refuses to report the Region": {faults: []string{"region=403"},
			check: "region", verdict: doctor.Broken, found: "asking for placement/region: answered 403"},
		"no token to ask for the Region": {faults: []string{"imds=disabled"},
			check: "region", verdict: doctor.NotChecked, found: "no session token"},

		"domain is the commercial partition's": {check: "domain", verdict: doctor.OK, found: "amazonaws.com; with \"partition NAME\" in /etc/eic/eic.conf, this host would accept no other partition's"},
		"domain is not the one that the settings accept": {faults: []string{"domain=china"},
			damage: func(b *bench) { b.asking.Domains = []string{"amazonaws.com"} },
			check:  "domain", verdict: doctor.Broken, found: `"amazonaws.com.cn", expected one of amazonaws.com`},
		"domain is China's": {faults: []string{"domain=china"},
			check: "domain", verdict: doctor.OK, found: "amazonaws.com.cn"},
		"domain is an attacker's": {faults: []string{"domain=forged"},
			check: "domain", verdict: doctor.Broken, found: `"attacker.example", expected one of amazonaws.com,`},
		"domain was added by the administrator": {faults: []string{"domain=forged"},
			damage: func(b *bench) { b.asking.Domains = []string{"attacker.example"} },
			check:  "domain", verdict: doctor.OK, found: "attacker.example"},
		"metadata service fails to report the domain": {faults: []string{"domain=500"}, damage: impatient,
			check: "domain", verdict: doctor.Broken, found: "asking for services/domain"},
		"no token to ask for the domain": {faults: []string{"imds=disabled"},
			check: "domain", verdict: doctor.NotChecked, found: "no session token"},
	})
}

// longNames serves the staples under names of 129 letters and digits, one more than is
// accepted.
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

func TestSigner(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"signer is trusted": {check: "signer", verdict: doctor.OK, found: "valid now, until"},
		"signer is revoked": {faults: []string{"ocsp=revoked"},
			check: "signer", verdict: doctor.Broken, found: "revoked"},
		"staple has expired": {faults: []string{"ocsp=expired"},
			check: "signer", verdict: doctor.Broken, found: "expired at"},
		"certificate has another common name": {faults: []string{"signer=wrong-cn"},
			check: "signer", verdict: doctor.Broken, found: `expected "managed-ssh-signer.us-east-1.amazonaws.com"`},
		"chain ends at an unknown root": {faults: []string{"chain=stranger-root"},
			check: "signer", verdict: doctor.Broken, found: "not trusted"},
		"certificate is missing": {faults: []string{"signer-cert=404"},
			check: "signer", verdict: doctor.Broken, found: "signer-cert: not found"},
		"staple list has a path in place of a name, which is ignored": {faults: []string{"ocsp=hostile-name"},
			check: "signer", verdict: doctor.OK, found: "valid now"},
		"staple names are too long": {damage: longNames(t),
			check: "signer", verdict: doctor.Broken, found: "its name is not 1 to 128 letters and digits"},
		"staples are never answered": {faults: []string{"staple=hang"}, damage: impatient,
			check: "signer", verdict: doctor.Broken, found: `not trusted: staple "`},
		"staple list fails": {faults: []string{"staple-list=500"}, damage: impatient,
			check: "signer", verdict: doctor.Broken, found: "staple-list"},
		"signer is valid for less than an hour": {
			damage: func(b *bench) { b.Now = b.Now.Add(7*24*time.Hour - 30*time.Minute) },
			check:  "signer", verdict: doctor.Warning, found: "which is in"},
		"domain is unknown": {faults: []string{"domain=unknown"},
			check: "signer", verdict: doctor.NotChecked, found: "region and domain"},
		"no token to ask for the signer": {faults: []string{"imds=disabled"},
			check: "signer", verdict: doctor.NotChecked, found: "no session token"},
	})
}

// clockOffBy replaces the metadata service with one that issues only tokens and whose
// clock is off by that much, or never gives the time.
func clockOffBy(t *testing.T, off time.Duration) func(*bench) {
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

func TestClockComparedWithTheMetadataService(t *testing.T) {
	requireTroubles(t, map[string]trouble{
		"clock is right": {check: "clock", verdict: doctor.OK, found: "agrees with the metadata service's"},
		"clock is three seconds ahead, which is accepted": {damage: clockOffBy(t, -3*time.Second),
			check: "clock", verdict: doctor.OK, found: "agrees with the metadata service's"},
		"clock is 20 seconds ahead, which shortens the life of keys": {damage: clockOffBy(t, -20*time.Second),
			check: "clock", verdict: doctor.Warning, found: "ahead of the metadata service's"},
		"clock is 70 seconds ahead, so every key has expired": {damage: clockOffBy(t, -70*time.Second),
			check: "clock", verdict: doctor.Broken, found: "every key has expired"},
		"clock is 70 seconds behind, so expired keys are accepted": {damage: clockOffBy(t, 70*time.Second),
			check: "clock", verdict: doctor.Warning, found: "behind the metadata service's"},
		"no answer has a date": {damage: clockOffBy(t, never),
			check: "clock", verdict: doctor.NotChecked, found: "had a date"},
		"no connection": {damage: unreachable(t),
			check: "clock", verdict: doctor.NotChecked, found: "no connection"},
	})
}

func TestTrustAnchors(t *testing.T) {
	missing := func(string) (*x509.CertPool, error) {
		return nil, errors.New("open /etc/anchors.pem: permission denied")
	}
	requireTroubles(t, map[string]trouble{
		"anchors can be read": {check: "trust-anchors", verdict: doctor.OK, found: "read as uid 998"},
		"command user cannot read the anchors": {
			damage: func(b *bench) {
				asking := b.asking
				asking.Anchors = missing
				b.asUser = &asking
			},
			check: "trust-anchors", verdict: doctor.Broken, found: "as uid 998: open /etc/anchors.pem"},
		"no anchors to verify the signer with": {damage: func(b *bench) { b.asking.Anchors = missing },
			check: "signer", verdict: doctor.NotChecked, found: "no trust anchors"},
		"no user can observe": {damage: cannotObserve,
			check: "trust-anchors", verdict: doctor.NotChecked, found: "flags are wrong"},
	})
}

func TestSystemLog(t *testing.T) {
	mute := func(b *bench) { b.asking.LogSockets = b.asking.LogSockets[:1] }
	requireTroubles(t, map[string]trouble{
		"log socket accepts connections": {check: "system-log", verdict: doctor.OK, found: "listens on"},
		"nothing listens on the log socket": {damage: mute,
			check: "system-log", verdict: doctor.Warning, found: "nothing listens"},
		"nothing listens while an image is built": {
			damage: func(b *bench) { mute(b); b.Offline = true },
			check:  "system-log", verdict: doctor.NotChecked, found: "nothing listens"},
		"no user can observe": {damage: cannotObserve,
			check: "system-log", verdict: doctor.NotChecked, found: "flags are wrong"},
	})
}

// doctor sends nothing on a machine that is not an instance, nor for an image.
func TestNoRequestsOffAnInstanceOrOffline(t *testing.T) {
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer server.Close()
	for _, damage := range []func(*bench){noInstance, func(b *bench) { b.Offline = true }} {
		b := newBench(t)
		b.asking.Source = lookup.Source{Root: b.files, Metadata: metadata.Options{Endpoint: server.URL}}
		damage(b)
		requireWellFormed(t, b.examine(t))
		require.False(t, asked)
	}
}
