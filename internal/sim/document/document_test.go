package document_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim/document"
)

func signer(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return key
}

func entry(key string) document.Entry {
	return document.NewEntry(time.Unix(1689345286, 0), "i-0a3d2c84bcffb603b", "arn:aws:iam::123456789012:user/eictest-user",
		"f2e7c3d9-ef92-4b1a-8e50-823e4a3ba085", key)
}

func TestGoodBlockHasHeadersKeyAndSignature(t *testing.T) {
	key := signer(t)
	out, err := document.NewWriter(document.Form{}, key).Document([]document.Entry{entry("ssh-ed25519 AAAA one")})
	require.NoError(t, err)
	signed := `#Timestamp=1689345286
#Instance=i-0a3d2c84bcffb603b
#Caller=arn:aws:iam::123456789012:user/eictest-user
#Request=f2e7c3d9-ef92-4b1a-8e50-823e4a3ba085
ssh-ed25519 AAAA one
`
	text, found := strings.CutPrefix(string(out), signed)
	require.True(t, found, string(out))
	raw, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	digest := sha256.Sum256([]byte(signed))
	require.NoError(t, rsa.VerifyPSS(&key.PublicKey, crypto.SHA256, digest[:], raw, &rsa.PSSOptions{SaltLength: 32}))
}

func TestSameKeysYieldTheSameDocument(t *testing.T) {
	w := document.NewWriter(document.Form{}, signer(t))
	entries := []document.Entry{entry("ssh-ed25519 AAAA one"), entry("ssh-ed25519 AAAA two")}
	one, err := w.Document(entries)
	require.NoError(t, err)
	two, err := w.Document(entries)
	require.NoError(t, err)
	require.Equal(t, string(one), string(two))
	require.Len(t, strings.Split(string(one), "\n\n"), 2)
}

func TestEmptyCallerAndRequestHaveNoLines(t *testing.T) {
	e := document.NewEntry(time.Unix(1, 0), "i-0a3d2c84", "", "", "ssh-ed25519 AAAA")
	require.Equal(t, "#Timestamp=1\n#Instance=i-0a3d2c84\nssh-ed25519 AAAA\n", e.Signed())
}

func TestChangedCloneLeavesTheOriginalUnchanged(t *testing.T) {
	original := entry("ssh-ed25519 AAAA")
	e := original.Clone()
	e.Set("Instance", "i-00000000")
	e.Drop("Caller")
	e.Equals, e.EndOfLine = " = ", "\r\n"
	require.Equal(t, "#Timestamp = 1689345286\r\n#Instance = i-00000000\r\n"+
		"#Request = f2e7c3d9-ef92-4b1a-8e50-823e4a3ba085\r\nssh-ed25519 AAAA\r\n", e.Signed())
	require.Equal(t, "i-00000000", e.Get("Instance"))
	require.Empty(t, e.Get("Caller"))
	require.Equal(t, entry("ssh-ed25519 AAAA"), original)
}

func TestFormAppliesEveryEdit(t *testing.T) {
	w := document.NewWriter(document.Form{
		Entries: []func(*document.Entry){func(e *document.Entry) { e.Fields = nil }},
		Sign:    func(_ crypto.Signer, text string) ([]byte, error) { return []byte(strings.ToUpper(text)), nil },
		Encode:  func(signature []byte) string { return "<" + string(signature) + ">" },
		Blocks: []func(*document.Writer, []document.Block) ([]document.Block, error){
			func(_ *document.Writer, blocks []document.Block) ([]document.Block, error) {
				return append(blocks, blocks[0]), nil
			},
		},
		Documents: []func([]byte) []byte{func(b []byte) []byte { return append(b, "end"...) }},
	}, signer(t))
	out, err := w.Document([]document.Entry{entry("a key")})
	require.NoError(t, err)
	require.Equal(t, "a key\n<A KEY\n>\na key\n<A KEY\n>end", string(out))
}

func TestKeyThatIsNotRSAUsesItsOwnScheme(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signature, err := document.PSS(private, "text")
	require.NoError(t, err)
	require.True(t, ed25519.Verify(public, []byte("text"), signature))

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	signature, err = document.PSS(key, "text")
	require.NoError(t, err)
	digest := sha256.Sum256([]byte("text"))
	require.True(t, ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature))
}

func TestSigningErrorYieldsNoDocument(t *testing.T) {
	w := document.NewWriter(document.Form{
		Sign: func(crypto.Signer, string) ([]byte, error) { return nil, errors.New("out of ink") },
	}, signer(t))
	out, err := w.Document([]document.Entry{entry("a key")})
	require.EqualError(t, err, `signing the entry of key "a key": out of ink`)
	require.Nil(t, out)
}

func TestLinesHaveAtMostTheGivenWidth(t *testing.T) {
	for width, lines := range map[int]int{64: 6, 76: 5, 1 << 20: 1} {
		text := document.Lines(width)(make([]byte, 256))
		require.Equal(t, lines, strings.Count(text, "\n"))
		for line := range strings.Lines(text) {
			require.LessOrEqual(t, len(line), width+1)
		}
	}
}
