package sigv4_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"

	"eic/internal/sim/sigv4"
)

const (
	id     = "AKIDEXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	body   = `{"InstanceId":"i-0123456789abcdef0"}`
)

var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// signed returns a request that is signed in its headers.
func signed(t *testing.T, secret string, when time.Time) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:8081/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "AWSEC2InstanceConnectService.SendSSHPublicKey")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	credentials := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: "token"}
	require.NoError(t, v4.NewSigner().SignHTTP(t.Context(), credentials, r, digest(body), "ec2-instance-connect", "us-east-1", when))
	r.Header.Set("User-Agent", "not signed")
	return r
}

func TestSignatureInHeaders(t *testing.T) {
	for name, try := range map[string]struct {
		secret  string
		when    time.Time
		change  func(*http.Request)
		body    string
		secrets sigv4.Secrets
		want    error
	}{
		"good":                         {},
		"good, signed ten minutes ago": {when: now.Add(-10 * time.Minute)},
		"signed with another secret":   {secret: "other", want: sigv4.ErrMismatch},
		"body changed":                 {body: "{}", want: sigv4.ErrMismatch},
		"X-Amz-Target changed":         {change: func(r *http.Request) { r.Header.Set("X-Amz-Target", "other") }, want: sigv4.ErrMismatch},
		"path changed":                 {change: func(r *http.Request) { r.URL.Path = "/other" }, want: sigv4.ErrMismatch},
		"host changed":                 {change: func(r *http.Request) { r.Host = "example.com" }, want: sigv4.ErrMismatch},
		"session token changed":        {change: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "other") }, want: sigv4.ErrMismatch},
		"unknown access key":           {secrets: sigv4.Secrets{"AKIDOTHER": secret}, want: sigv4.ErrUnknownKey},
		"signed an hour ago":           {when: now.Add(-time.Hour), want: sigv4.ErrExpired},
		"signed in the future":         {when: now.Add(time.Hour), want: sigv4.ErrExpired},
		"malformed X-Amz-Date":         {change: func(r *http.Request) { r.Header.Set("X-Amz-Date", "today") }, want: sigv4.ErrIncomplete},
		"no signature":                 {change: func(r *http.Request) { r.Header.Del("Authorization") }, want: sigv4.ErrMissing},
		"another authorization scheme": {change: func(r *http.Request) { r.Header.Set("Authorization", "Basic Zm9v") }, want: sigv4.ErrIncomplete},
		"without secrets, a well-formed signature is enough": {secret: "other", when: now.Add(-time.Hour), secrets: sigv4.Secrets{}},
	} {
		t.Run(name, func(t *testing.T) {
			if try.when.IsZero() {
				try.when = now
			}
			if try.secret == "" {
				try.secret = secret
			}
			if try.secrets == nil {
				try.secrets = sigv4.Secrets{id: secret}
			}
			if try.body == "" {
				try.body = body
			}
			r := signed(t, try.secret, try.when)
			if try.change != nil {
				try.change(r)
			}
			got, err := try.secrets.Header(r, []byte(try.body), "ec2-instance-connect", now)
			require.ErrorIs(t, err, try.want)
			if try.want == nil {
				require.Equal(t, id, got)
			}
		})
	}
}

func TestSignatureForAnotherServiceIsRefused(t *testing.T) {
	_, err := sigv4.Secrets{}.Header(signed(t, secret, now), []byte(body), "ec2", now)
	require.ErrorIs(t, err, sigv4.ErrIncomplete)
	require.ErrorContains(t, err, `expected a credential for the service ec2, got "AKIDEXAMPLE/`)
}

// presigned returns a request that is signed in its query.
func presigned(t *testing.T, expires, token string) *http.Request {
	t.Helper()
	query := url.Values{"remotePort": {"22"}, "privateIpAddress": {"2001:db8::10"}}
	if expires != "" {
		query.Set("X-Amz-Expires", expires)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://eice-1.example/openTunnel?"+query.Encode(), nil)
	credentials := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}
	address, _, err := v4.NewSigner().PresignHTTP(t.Context(), credentials, r, digest(""), "ec2-instance-connect", "us-east-1", now)
	require.NoError(t, err)
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
}

func TestPresignedURL(t *testing.T) {
	set := func(name, value string) func(url.Values) {
		return func(query url.Values) { query.Set(name, value) }
	}
	for name, try := range map[string]struct {
		expires, token string
		change         func(url.Values)
		now            time.Time
		secrets        sigv4.Secrets
		want           error
	}{
		"good":                           {expires: "60"},
		"good, with a session token":     {expires: "60", token: "token/+="},
		"good, without X-Amz-Expires":    {now: now.Add(14 * time.Minute)},
		"expired":                        {expires: "60", now: now.Add(61 * time.Second), want: sigv4.ErrExpired},
		"expired, without X-Amz-Expires": {now: now.Add(16 * time.Minute), want: sigv4.ErrExpired},
		"expired, without secrets":       {expires: "60", now: now.Add(time.Hour), secrets: sigv4.Secrets{}, want: sigv4.ErrExpired},
		"from the future":                {expires: "60", now: now.Add(-time.Hour), want: sigv4.ErrExpired},
		"X-Amz-Expires changed":          {expires: "60", change: set("X-Amz-Expires", "600"), want: sigv4.ErrMismatch},
		"malformed X-Amz-Expires":        {expires: "60", change: set("X-Amz-Expires", "soon"), want: sigv4.ErrIncomplete},
		"parameter changed":              {expires: "60", change: set("remotePort", "3389"), want: sigv4.ErrMismatch},
		"parameter added":                {expires: "60", change: set("maxTunnelDuration", "60"), want: sigv4.ErrMismatch},
		"session token changed":          {expires: "60", token: "token", change: set("X-Amz-Security-Token", "other"), want: sigv4.ErrMismatch},
		"unknown access key":             {expires: "60", secrets: sigv4.Secrets{"AKIDOTHER": secret}, want: sigv4.ErrUnknownKey},
		"unknown algorithm":              {expires: "60", change: set("X-Amz-Algorithm", "none"), want: sigv4.ErrIncomplete},
		"another signed header":          {expires: "60", change: set("X-Amz-SignedHeaders", "host;range"), want: sigv4.ErrIncomplete},
		"no signature":                   {expires: "60", change: func(query url.Values) { query.Del("X-Amz-Signature") }, want: sigv4.ErrMissing},
	} {
		t.Run(name, func(t *testing.T) {
			r := presigned(t, try.expires, try.token)
			if try.change != nil {
				query := r.URL.Query()
				try.change(query)
				r.URL.RawQuery = query.Encode()
			}
			if try.now.IsZero() {
				try.now = now
			}
			if try.secrets == nil {
				try.secrets = sigv4.Secrets{id: secret}
			}
			got, err := try.secrets.Presigned(r, "ec2-instance-connect", try.now)
			require.ErrorIs(t, err, try.want)
			if try.want == nil {
				require.Equal(t, id, got)
			}
		})
	}
}
