package authorize

import (
	"crypto/md5" // sshd writes such fingerprints where its FingerprintHash says so
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"eic/internal/activekeys"
)

// parseKey returns the type and the blob of a line that is exactly one plain public key:
// a type that format knows, the blob in canonical base64, and an optional comment. It
// refuses options and certificates, because either would give sshd more than a key.
func parseKey(line []byte) (kind string, blob []byte, err error) {
	name, text, _ := activekeys.SplitKey(line)
	kind = string(name)
	check := format(kind)
	if check == nil {
		return "", nil, fmt.Errorf("the key line begins with %.60q, expected a plain public-key type", kind)
	}
	blob = make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(blob, text)
	if err != nil {
		return "", nil, fmt.Errorf("decoding the %s key: %w", kind, err)
	}
	blob = blob[:n]
	if err := checkBlob(blob, kind, check); err != nil {
		return "", nil, fmt.Errorf("parsing the %s key: %w", kind, err)
	}
	return kind, blob, nil
}

const md5Prefix = "MD5:"

// fingerprint returns the fingerprint of a key blob, in the form of like: MD5 or SHA256.
func fingerprint(blob []byte, like string) string {
	if !strings.HasPrefix(like, md5Prefix) {
		digest := sha256.Sum256(blob)
		return "SHA256:" + base64.RawStdEncoding.EncodeToString(digest[:])
	}
	digest := md5.Sum(blob)
	octets := make([]string, len(digest))
	for i := range digest {
		octets[i] = hex.EncodeToString(digest[i : i+1])
	}
	return md5Prefix + strings.Join(octets, ":")
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
