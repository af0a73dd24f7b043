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
	// textEdit changes the text after signing, encode encodes the signature, and edit
	// changes the finished block.
	textEdit func(string) string
	encode   func([]byte) string
	edit     func(string) string
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// set changes the value of every field with a name.
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

// text returns the signed block. It reports whether an honest service would serve the signed
// text for an instance at a time.
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

// honest reports whether an honest service would serve these fields.
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

// padded returns a function that signs with an RSA scheme, or with the own scheme of another
// type of key.
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
