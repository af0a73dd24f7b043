package explain

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"eic/internal/evidence"
	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/trust"
)

// hostile has what terminals act upon: ESC, CSI as one character, bells, carriage returns,
// backspaces, DEL, and characters that are invisible or reverse the direction of writing.
const hostile = "\x1b[2J\x1b]0;owned\a\u009b31m\r\b\x7f\u202eevil\u2066\u200b\ufeff\u2028\x00\xff Answer: the key would be printed"

// reports returns the Explanation as text and as JSON.
func reports(t *testing.T, r Explanation) (text, asJSON string) {
	t.Helper()
	var a, b strings.Builder
	require.NoError(t, r.WriteText(&a, false))
	require.NoError(t, r.WriteJSON(&b))
	return a.String(), b.String()
}

// harmless requires output of printable characters and line feeds only.
func harmless(t *testing.T, output string) {
	t.Helper()
	for i, c := range output {
		require.True(t, c == '\n' || unicode.IsPrint(c), "%U at %d of %q", c, i, output)
	}
}

// Every value that the metadata service serves is hostile.
func TestHostileAnswers(t *testing.T) {
	r := evidence.Record{
		Program: hostile,
		Evidence: lookup.Evidence{
			Time: time.Now(), Instance: hostile, Region: []byte(hostile), Zone: []byte(hostile), Domain: []byte(hostile),
			ActiveKeys: fmt.Appendf(nil, "#Timestamp=9999999999\n#Instance=%[1]s\n#Caller=%[2]s\n#Request=%[2]s\n%[3]s %[2]s\nAAAA\n\n"+
				"#Timestamp=%[1]s\n\n#%[1]s=1\n#Timestamp=9999999999\n#Instance=%[2]s\n%[1]s\n",
				hostile, printableHalf, strings.TrimSuffix(aliceKey, " alice@laptop")),
			Signer: trust.SignerEvidence{Chain: hostileChain(t), Staples: []trust.Staple{
				{Name: hostile, Body: []byte(hostile)}, {Name: hostile, Err: errors.New(hostile)},
			}},
		},
		Options: lookup.Options{User: hostile, Fingerprint: hostile, Domains: []string{hostile}},
		Requests: []metadata.Exchange{
			{Stage: metadata.Stage(hostile), Method: hostile, Path: hostile, Err: errors.New(hostile)},
		},
	}
	r.Options.Anchors = r.AnchorsFor
	for name, failure := range map[string]error{
		"other error":           fmt.Errorf("reading %q: %w", hostile, errors.New("line 1\nline 2")),
		"failure of the record": &evidence.Failure{Stage: hostile, Message: hostile},
		"no failure":            nil,
	} {
		t.Run(name, func(t *testing.T) {
			verdict, err := r.Decide()
			if failure != nil {
				err = failure
			}
			report := New(hostile, r, verdict, err)
			report.Evidence = &Kept{Program: hostile, Time: time.Now(), Manifest: hostile, TrustAnchors: true}
			text, asJSON := reports(t, report)
			harmless(t, text)
			harmless(t, asJSON)
			require.NotContains(t, text, "\nAnswer: the key would be printed")
			var again Explanation
			require.NoError(t, json.Unmarshal([]byte(asJSON), &again))
			require.Equal(t, strings.ToValidUTF8(hostile, "\ufffd"), again.Machine.Region, "expected the unaltered Region in JSON")
		})
	}
}

// printableHalf is the part of hostile that is accepted in an active-keys document, which
// must not have control characters.
const printableHalf = "\u202eevil\u2066\u200b\ufeff\u2028 Answer: the key would be printed"

// hostileChain returns a certificate with hostile names, in PEM.
func hostileChain(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
		Subject: pkix.Name{CommonName: strings.ToValidUTF8(hostile, ""), Organization: []string{"a,\n\x1b[31mb"}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// Errors of net/http may quote a malformed answer.
func TestHostileHTTP(t *testing.T) {
	for name, answer := range map[string]string{
		"status line":       hostile + "\r\n\r\n",
		"header name":       "HTTP/1.1 200 OK\r\n" + hostile + "\r\n\r\n",
		"header line":       "HTTP/1.1 200 OK\r\n\x1b[2J\u202eevil\r\n\r\n",
		"header value":      "HTTP/1.1 200 OK\r\nContent-Length: " + hostile + "\r\n\r\n",
		"encoding":          "HTTP/1.1 200 OK\r\nContent-Encoding: \x1b[2J\u202e\r\n\r\n",
		"transfer encoding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: \u202e\r\n\r\n",
		"chunk":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + hostile + "\r\n",
		"token":             "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\x1b[2J",
	} {
		t.Run(name, func(t *testing.T) {
			w := world{
				source: lookup.Source{Root: nitro(), Metadata: metadata.Options{Endpoint: answerAll(t, answer)}},
				record: evidence.Record{Options: lookup.Options{User: "alice"}},
			}
			report, _ := w.ask(t, 200*time.Millisecond)
			require.Equal(t, Failed, report.Outcome)
			text, asJSON := reports(t, report)
			harmless(t, text)
			harmless(t, asJSON)
		})
	}
}

// answerAll returns a URL at which every request gets the same bytes.
func answerAll(t *testing.T, answer string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = conn.Write([]byte(answer))
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// A reader may paste a remedy's command into a shell, so no served value may add to it.
func TestServedValuesCannotInjectIntoCommands(t *testing.T) {
	const injected = "us-east-1a; reboot"
	for _, reason := range everyCause() {
		r := evidence.Record{
			Evidence: lookup.Evidence{Instance: "i-0123$(reboot)", Region: []byte("`reboot`"), Zone: []byte(injected), Domain: []byte(injected)},
			Options:  lookup.Options{User: "alice;reboot"},
		}
		for _, stage := range []metadata.Stage{metadata.StageToken, metadata.StageRegion, metadata.StageStaple} {
			r.Requests = append(r.Requests, metadata.Exchange{Stage: stage, Path: "/latest/meta-data/" + injected})
		}
		remedy := newFacts(r, nil).remedy(reason)
		require.NotContains(t, strings.Join(remedy.Commands, "\n")+remedy.Text, "reboot", "remedy for %s", reason)
	}
}
