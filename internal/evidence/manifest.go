package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// manifest returns SHA256SUMS for the files, in the format of sha256sum(1).
func manifest(files map[string][]byte) []byte {
	var text bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&text, "%s  %s\n", digest(files[name]), name)
	}
	return text.Bytes()
}

// parseManifest returns the digest of each file in SHA256SUMS. It accepts only what
// manifest writes, so that no change to it can go unnoticed.
func parseManifest(text []byte) (map[string]string, error) {
	digests := map[string]string{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line, ended := strings.CutSuffix(line, "\n")
		sum, name, ok := strings.Cut(line, "  ")
		switch raw, err := hex.DecodeString(sum); {
		case !ended, !ok, err != nil, len(raw) != sha256.Size, sum != strings.ToLower(sum):
			return nil, fmt.Errorf("line %d of %s is not a SHA-256 digest, two blanks and a name: it was changed", number, manifestFile)
		case !knownFile(name):
			return nil, fmt.Errorf("line %d of %s names %.80q, which is not a file of saved evidence: it was changed", number, manifestFile, name)
		case digests[name] != "":
			return nil, fmt.Errorf("line %d of %s names %s again: it was changed", number, manifestFile, name)
		}
		digests[name] = sum
	}
	if len(digests) == 0 {
		return nil, fmt.Errorf("%s is empty: it was changed", manifestFile)
	}
	return digests, nil
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
