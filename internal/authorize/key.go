package authorize

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"eic/internal/activekeys"
)

// parseKey parses a line that is exactly one plain public key: a type that
// golang.org/x/crypto/ssh knows, the key in canonical base64, and an optional comment. It
// refuses options and certificates, because either would give sshd more than a key.
func parseKey(line []byte) (ssh.PublicKey, error) {
	name, text, _ := activekeys.SplitKey(line)
	if !plainKeyType(string(name)) {
		return nil, fmt.Errorf("the key line begins with %.60q, expected a plain public-key type", name)
	}
	blob := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(blob, text)
	if err != nil {
		return nil, fmt.Errorf("decoding the %s key: %w", name, err)
	}
	key, err := ssh.ParsePublicKey(blob[:n])
	if err != nil {
		return nil, fmt.Errorf("parsing the %s key: %w", name, err)
	}
	if key.Type() != string(name) {
		return nil, fmt.Errorf("the key line has the type %q, but its key has the type %.60q", name, key.Type())
	}
	if !bytes.Equal(key.Marshal(), blob[:n]) {
		return nil, errors.New("the key is not in its canonical encoding")
	}
	return key, nil
}

// plainKeyType reports whether name is a public-key type of golang.org/x/crypto/ssh, and
// not a certificate type.
func plainKeyType(name string) bool {
	switch name {
	case ssh.InsecureKeyAlgoDSA: //nolint:staticcheck // sshd decides whether to accept DSA (PubkeyAcceptedAlgorithms)
		return true
	case ssh.KeyAlgoRSA, ssh.KeyAlgoED25519,
		ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoSKED25519:
		return true
	default:
		return false
	}
}

const md5Prefix = "MD5:"

// fingerprint returns the fingerprint of key, in the form of like: MD5 or SHA256.
func fingerprint(key ssh.PublicKey, like string) string {
	if strings.HasPrefix(like, md5Prefix) {
		return md5Prefix + ssh.FingerprintLegacyMD5(key)
	}
	return ssh.FingerprintSHA256(key)
}

// ValidFingerprint reports whether s is a fingerprint as sshd expands %f: "SHA256:" and
// 43 characters of unpadded base64, or "MD5:" and 16 octets in lower-case hexadecimal
// joined by colons.
func ValidFingerprint(s string) bool {
	if digest, ok := strings.CutPrefix(s, "SHA256:"); ok {
		_, err := base64.RawStdEncoding.Strict().DecodeString(digest)
		return err == nil && len(digest) == 43 && !strings.ContainsAny(digest, "\r\n")
	}
	digest, ok := strings.CutPrefix(s, md5Prefix)
	if !ok || len(digest) != 16*3-1 {
		return false
	}
	for i, c := range []byte(digest) {
		if i%3 == 2 && c != ':' || i%3 != 2 && !strings.ContainsRune("0123456789abcdef", rune(c)) {
			return false
		}
	}
	return true
}
