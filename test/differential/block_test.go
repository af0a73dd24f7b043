package differential

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

type field struct{ name, value string }

// block describes a block of the document.
type block struct {
	fields      []field
	key         string
	equals, end string
	// sign signs in place of the signer's key and PSS.
	sign func(key crypto.Signer, text []byte) ([]byte, error)
	// textEdit changes what was signed, encode writes the signature down, and
	// edit changes the finished block.
	textEdit func(string) string
	encode   func([]byte) string
	edit     func(string) string
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// set gives the fields of a name another value.
func (b *block) set(name, value string) {
	for i := range b.fields {
		if b.fields[i].name == name {
			b.fields[i].value = value
		}
	}
}

func (b *block) drop(name string) {
	var kept []field
	for _, f := range b.fields {
		if f.name != name {
			kept = append(kept, f)
		}
	}
	b.fields = kept
}

// text signs the block and writes it down. It reports whether what was signed is a
// key that an honest service would hand out for an instance at a time.
func (b *block) text(key crypto.Signer, instance string, now time.Time) (string, bool, error) {
	var signed strings.Builder
	for _, f := range b.fields {
		signed.WriteString("#" + f.name + b.equals + f.value + b.end)
	}
	signed.WriteString(b.key + b.end)
	sign := b.sign
	if sign == nil {
		sign = pss(crypto.SHA256, 32)
	}
	signature, err := sign(key, []byte(signed.String()))
	if err != nil {
		return "", false, err
	}
	text := signed.String()
	if b.textEdit != nil {
		text = b.textEdit(text)
	}
	encode := b.encode
	if encode == nil {
		encode = wrapped(76)
	}
	text += encode(signature)
	if b.edit != nil {
		text = b.edit(text)
	}
	return text, b.sign == nil && b.honest(instance, now), nil
}

// honest reports whether the fields are those of a valid key.
func (b *block) honest(instance string, now time.Time) bool {
	expiries, instances := 0, 0
	for _, f := range b.fields {
		switch f.name {
		case "Timestamp":
			seconds, err := strconv.ParseInt(strings.TrimLeft(f.value, " \t"), 10, 64)
			if err != nil || seconds <= now.Unix() {
				return false
			}
			expiries++
		case "Instance":
			if f.value != instance {
				return false
			}
			instances++
		}
	}
	return expiries == 1 && instances == 1
}

func pss(hash crypto.Hash, salt int) func(crypto.Signer, []byte) ([]byte, error) {
	return padded(&rsa.PSSOptions{Hash: hash, SaltLength: salt})
}

// padded signs in a way of RSA's; another key signs in its own.
func padded(options crypto.SignerOpts) func(crypto.Signer, []byte) ([]byte, error) {
	return func(key crypto.Signer, text []byte) ([]byte, error) {
		if _, ok := key.(*rsa.PrivateKey); !ok {
			return bytes.Repeat([]byte{1}, 64), nil
		}
		return crypto.SignMessage(key, rand.Reader, text, options)
	}
}

func wrapped(width int) func([]byte) string {
	return func(signature []byte) string {
		text := base64.StdEncoding.EncodeToString(signature)
		var out strings.Builder
		for len(text) > width {
			out.WriteString(text[:width] + "\n")
			text = text[width:]
		}
		return out.String() + text + "\n"
	}
}
