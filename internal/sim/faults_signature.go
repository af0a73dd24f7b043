package sim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"sync"

	"eic/internal/sim/document"
)

// signatureFaults are faults in the signatures, and changes after signing.
func signatureFaults() []Fault {
	return append(tamperFaults(), schemeFaults()...)
}

func tamperFaults() []Fault {
	return []Fault{
		refused("keys=tampered", "the key was replaced after signing", "bad signature",
			tampered(func(b document.Block) string { return strings.Replace(b.Text, b.Entry.Key, foreignKey, 1) })),
		refused("keys=tampered-comment", "the key's comment was changed after signing", "bad signature",
			tampered(func(b document.Block) string {
				return strings.Replace(b.Text, b.Entry.Key, b.Entry.Key+" root", 1)
			})),
		refused("keys=tampered-timestamp", "Timestamp was changed after signing", "bad signature",
			tamperedField("Timestamp", "4102444800")),
		refused("keys=tampered-instance", "the key was signed for another instance, and Instance changed after signing", "bad signature",
			func(w *scenario) {
				entry(func(e *document.Entry) { e.Set("Instance", "i-0fedcba9876543210") })(w)
				tamperedField("Instance", w.instance)(w)
			}),
		refused("keys=tampered-caller", "Caller was changed after signing", "bad signature",
			tamperedField("Caller", "arn:aws:iam::123456789012:user/somebody-else")),
		refused("keys=added-header", "a header line was added after signing", "bad signature",
			tampered(func(b document.Block) string { return "#Purpose=test\n" + b.Text })),
		refused("keys=dropped-header", "the Caller line was removed after signing", "bad signature",
			tampered(func(b document.Block) string {
				return strings.Replace(b.Text, "#Caller="+b.Entry.Get("Caller")+"\n", "", 1)
			})),
		refused("keys=moved-signature", "two keys were pushed and have each other's signatures", "bad signature",
			blocks(func(w *document.Writer, pushed []document.Block) ([]document.Block, error) {
				other, err := another(w, pushed[0], foreignKey)
				for i := range pushed {
					pushed[i].Signature, other.Signature = other.Signature, pushed[i].Signature
				}
				return append(pushed, other), err
			})),
	}
}

// schemeFaults are faults in how a block is signed, and in the signature's encoding.
func schemeFaults() []Fault {
	return []Fault{
		refused("keys=wrong-signer", "the block was signed with a key without a certificate", "bad signature", wrongSigner()),
		refused("keys=key-only", "only the key line was signed", "bad signature",
			signed(func(key *rsa.PrivateKey, text string) ([]byte, error) {
				lines := strings.SplitAfter(text, "\n")
				return document.PSS(key, lines[len(lines)-2])
			})),
		refused("keys=newline-unsigned", "the key line's newline was not signed", "bad signature",
			signed(func(key *rsa.PrivateKey, text string) ([]byte, error) {
				return document.PSS(key, strings.TrimSuffix(text, "\n"))
			})),
		refused("keys=pkcs1v15", "the padding is that of PKCS #1 v1.5", "bad signature", scheme(crypto.SHA256)),
		refused("keys=salt-20", "the salt has 20 bytes", "bad signature", pss(crypto.SHA256, 20)),
		refused("keys=salt-max", "the salt has as many bytes as fit", "bad signature", pss(crypto.SHA256, rsa.PSSSaltLengthAuto)),
		refused("keys=sha1", "the hash function is SHA-1", "bad signature", pss(crypto.SHA1, 32)),
		refused("keys=sha384", "the hash function is SHA-384", "bad signature", pss(crypto.SHA384, 32)),
		refused("keys=sha512", "the hash function is SHA-512", "bad signature", pss(crypto.SHA512, 32)),
		refused("keys=unsigned", "there is no signature", "no signature",
			written(func([]byte) string { return "" })),
		refused("keys=truncated-signature", "half of the signature is missing", "bad signature",
			written(func(s []byte) string { return document.Lines(76)(s[:len(s)/2]) })),
		refused("keys=longer-signature", "the signature has an extra byte", "bad signature",
			written(func(s []byte) string { return document.Lines(76)(append(s, 0)) })),
		refused("keys=signature-not-base64", "the signature is not base64", "malformed signature",
			written(func(s []byte) string { return strings.Replace(document.Lines(76)(s), "\n", "!\n", 1) })),
		printed("keys=wrapped-signature", "the signature has lines of 64 characters", written(document.Lines(64))),
		printed("keys=unwrapped-signature", "the signature is one line", written(document.Lines(1<<20))),
	}
}

// tampered changes the text of each block after it was signed.
func tampered(change func(document.Block) string) func(*scenario) {
	return blocks(func(_ *document.Writer, pushed []document.Block) ([]document.Block, error) {
		for i := range pushed {
			pushed[i].Text = change(pushed[i])
		}
		return pushed, nil
	})
}

func tamperedField(name, value string) func(*scenario) {
	return tampered(func(b document.Block) string {
		return strings.Replace(b.Text, "#"+name+"="+b.Entry.Get(name)+"\n", "#"+name+"="+value+"\n", 1)
	})
}

// signed signs each block in another way. A key that is not RSA keeps its own scheme.
func signed(sign func(key *rsa.PrivateKey, text string) ([]byte, error)) func(*scenario) {
	return func(w *scenario) {
		w.form.Sign = func(key crypto.Signer, text string) ([]byte, error) {
			if rsaKey, ok := key.(*rsa.PrivateKey); ok {
				return sign(rsaKey, text)
			}
			return document.PSS(key, text)
		}
	}
}

func wrongSigner() func(*scenario) {
	stranger := sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	return signed(func(_ *rsa.PrivateKey, text string) ([]byte, error) {
		key, err := stranger()
		if err != nil {
			return nil, err
		}
		return document.PSS(key, text)
	})
}

func scheme(opts crypto.SignerOpts) func(*scenario) {
	return signed(func(key *rsa.PrivateKey, text string) ([]byte, error) {
		return crypto.SignMessage(key, rand.Reader, []byte(text), opts)
	})
}

// pss signs with RSASSA-PSS, with MGF1 over the same hash function.
func pss(hash crypto.Hash, salt int) func(*scenario) {
	return scheme(&rsa.PSSOptions{Hash: hash, SaltLength: salt})
}

func written(encode func([]byte) string) func(*scenario) {
	return func(w *scenario) { w.form.Encode = encode }
}
