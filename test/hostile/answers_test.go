package hostile

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"eic/internal/sim/imds"
	"eic/test/trial"
)

func answers() []answer {
	return slices.Concat(documentAnswers(), transportAnswers(), chainAnswers(), stapleAnswers())
}

// The maximum sizes of answers that the program reads.
const (
	longestDocument = 1 << 20
	longestChain    = 64 << 10
	longestStaple   = 32 << 10
)

// documentAnswers returns documents of the maximum size.
func documentAnswers() []answer {
	filled := func(name, unit string) answer {
		return answer{name: "a document of " + name, say: func(_ *testing.T, w *trial.World) {
			w.Documents[trial.User] = []byte(strings.Repeat(unit, longestDocument/len(unit)))
		}}
	}
	const headers = "#Timestamp=9999999999\n#Instance=" + trial.Instance + "\n"
	block := func(key, signature string) string { return headers + key + "\n" + signature + "\n\n" }
	return []answer{
		filled("number signs", "#"),
		filled("header lines", "#A=1\n"),
		filled("empty blocks", "#A=1\n\n"),
		filled("base64", "AAAA"),
		filled("base64 lines", "AAAA\n"),
		filled("line ends", "\n"),
		filled("NULs", "\x00"),
		filled("escape sequences", "#\x1b[2J=\x1b]0;x\x07\n\n"),
		filled("long lines", headers+strings.Repeat("\xf0\x9f\x92\xa9", 4000)+"\n\n"),
		filled("blocks with a key each", block(trial.Key, "AAAA")),
		filled("blocks with a long signature each", block(trial.Key, strings.Repeat("A", 2044)+"AAA=")),
		filled("blocks for other instances", strings.Replace(block(trial.Key, "AAAA"), trial.Instance, "i-0fedcba9876543210", 1)),
		filled("expired blocks with Unicode control characters in Caller", "#Timestamp=1\n#Instance=x\n#Caller="+strings.Repeat("\u202e\u2028", 60)+"\n"+trial.Key+"\nAAAA\n\n"),
		{name: "a document of blocks with a large RSA key each", say: func(t *testing.T, w *trial.World) {
			unit := block(rsaLine(t, 8192), strings.Repeat("A", 340)+"AA==")
			w.Documents[trial.User] = []byte(strings.Repeat(unit, longestDocument/len(unit)))
		}},
		{name: "a document of good blocks", printed: 1200, say: func(t *testing.T, w *trial.World) {
			keys := make([]string, 1200)
			for i := range keys {
				keys[i] = fmt.Sprint(trial.Key, i)
			}
			w.Documents[trial.User] = w.Document(t, keys...)
		}},
		{name: "a document of one good block, repeated", printed: 1, say: func(t *testing.T, w *trial.World) {
			good := w.Document(t, trial.Key)
			w.Documents[trial.User] = bytes.Repeat(append(good, '\n'), 1200)
		}},
	}
}

// rsaLine returns the line of an RSA public key of a given size, with a random modulus.
func rsaLine(t *testing.T, bits int) string {
	t.Helper()
	key, err := ssh.NewPublicKey(&rsa.PublicKey{N: modulus(t, bits), E: 65537})
	require.NoError(t, err)
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// transportAnswers returns answers that are endless or malformed, at each stage.
func transportAnswers() []answer {
	var all []answer
	stages := map[string]string{
		"token": "/latest/api/token", "active-keys": "/latest/meta-data/managed-ssh-keys/active-keys/" + trial.User,
		"region": "/latest/meta-data/" + trial.RegionPath, "signer-cert": "/latest/meta-data/" + trial.ChainPath,
		"staple": "/latest/meta-data/" + trial.StaplesPath + "/",
	}
	for stage, path := range stages {
		for name, text := range map[string]string{
			"endless headers":          "HTTP/1.1 200 OK\r\n" + forever("X: "+strings.Repeat("x", 1000)+"\r\n"),
			"endless header line":      "HTTP/1.1 200 OK\r\nX: " + forever("x"),
			"endless body":             "HTTP/1.1 200 OK\r\n\r\n" + forever("x"),
			"endless chunks":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + forever("1\r\nx\r\n"),
			"endless chunk header":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + forever("x"),
			"endless trailer":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + forever("X: x\r\n"),
			"endless 100 Continue":     forever("HTTP/1.1 100 Continue\r\n\r\n"),
			"Content-Length of 2 GiB":  "HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n" + forever("x"),
			"404 with an endless body": "HTTP/1.1 404 Not Found\r\nContent-Length: 2147483648\r\n\r\n" + forever("x"),
		} {
			a := answer{name: stage + ": " + name, say: func(_ *testing.T, w *trial.World) { w.Before = speak(path, text) }}
			if stage == "region" && strings.HasPrefix(text, "HTTP/1.1 404") {
				a.printed = 1 // the program uses the zone instead
			}
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b answer) int { return strings.Compare(a.name, b.name) })
	for _, stage := range []imds.Stage{imds.StageActiveKeys, imds.StageSignerCert, imds.StageStaple} {
		for _, kind := range []imds.Kind{imds.Huge, imds.LongLine, imds.Noise} {
			all = append(all, answer{name: fmt.Sprintf("%s: %s", stage, kind), say: func(_ *testing.T, w *trial.World) {
				w.Options.Faults.Stages = map[imds.Stage]imds.Kind{stage: kind}
			}})
		}
	}
	return all
}

// forever returns a text repeated a thousand times, which speak repeats endlessly.
func forever(text string) string { return "\x00forever:" + text }

// speak answers requests whose path begins with path with raw text, until the client hangs up.
func speak(path, text string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, path) {
			return false
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return false
		}
		defer conn.Close() //nolint:errcheck // hanging up
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		start, endless, _ := strings.Cut(text, "\x00forever:")
		_, err = conn.Write([]byte(start))
		for chunk := []byte(strings.Repeat(endless, 1000)); err == nil; {
			_, err = conn.Write(chunk)
		}
		return true
	}
}

func base64Text(der []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(der)) }

func noise(n int) []byte {
	octets := make([]byte, n)
	_, _ = rand.Read(octets) // never fails
	return octets
}
