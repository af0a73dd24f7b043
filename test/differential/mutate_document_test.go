package differential

import (
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// some returns a mutation of one block.
func some(name string, change func(*plan, *block)) mutation {
	return mutation{"block: " + name, func(p *plan) {
		if len(p.blocks) > 0 {
			change(p, pick(p, p.blocks...))
		}
	}}
}

// blockMutations change the contents and the signature of one block.
func blockMutations() []mutation {
	return slices.Concat(headerMutations(), keyMutations(), signatureMutations())
}

func headerMutations() []mutation {
	return []mutation{
		some("expired", func(p *plan, b *block) { b.set("Timestamp", unix(p.now.Add(-time.Hour))) }),
		some("Timestamp changed or malformed", func(p *plan, b *block) {
			in := unix(p.now.Add(time.Hour))
			b.set("Timestamp", pick(p, "", "0", "-"+in, "+"+in, "0"+in, in+".0", " "+in, in+" ", in+"\r", "0x7fffffff", "99999999999999999999", in+"x", "4e9"))
		}),
		some("header missing", func(p *plan, b *block) { b.drop(pick(p, "Timestamp", "Instance", "Caller", "Request")) }),
		some("duplicate header", func(p *plan, b *block) {
			name := pick(p, "Timestamp", "Instance", "Caller", "Request")
			for _, f := range b.fields {
				if f.name == name {
					f.value = pick(p, f.value, f.value, "1", ourInstance)
					b.fields = append(b.fields, f)
					break
				}
			}
		}),
		some("Instance changed or malformed", func(p *plan, b *block) {
			b.set("Instance", pick(p, "i-0fedcba9876543210", "", ourInstance+"0", ourInstance[:10], strings.ToUpper(ourInstance), ourInstance+" "))
		}),
		some("header added", func(p *plan, b *block) {
			b.fields = append(b.fields, field{pick(p, "X", "timestamp", "", "a b", "=", "#"), "1"})
		}),
		some("blanks around =", func(p *plan, b *block) { b.equals = pick(p, " = ", "\t=", "= ", "  =") }),
		some("blank instead of =", func(_ *plan, b *block) { b.equals = " " }),
		some("other line endings", func(p *plan, b *block) { b.end = pick(p, "\r\n", "\r", "\n\n", "\x00\n") }),
		some("headers in another order", func(p *plan, b *block) {
			p.Shuffle(len(b.fields), func(i, j int) { b.fields[i], b.fields[j] = b.fields[j], b.fields[i] })
		}),
		some("control characters in a header", func(p *plan, b *block) { b.set("Caller", pick(p, "a\x1b[2J", "a\x00b", "a\rb", "\xff")) }),
	}
}

func keyMutations() []mutation {
	return []mutation{
		some("options before the key", func(p *plan, b *block) {
			b.key = pick(p, `command="id" `, "cert-authority ", "restrict ", `environment="A=B" `, "\t", " ") + b.key
		}),
		some("text after the key", func(p *plan, b *block) { b.key += pick(p, "\x00", "\r", " \x1b[2J", "\t x", "\u2028x", " \u0085") }),
		some("key with a comment and other blanks", func(p *plan, b *block) {
			kind, rest, _ := strings.Cut(b.key, " ")
			b.key = kind + pick(p, " ", "\t", " \t ") + rest + pick(p, "", " ", "\t", " a b", "\ta", " a \t") + pick(p, "", "\r")
		}),
		some("two key lines", func(p *plan, b *block) { b.key += "\n" + p.keys.line() }),
		some("another key type in the key line", func(p *plan, b *block) {
			_, rest, _ := strings.Cut(b.key, " ")
			b.key = pick(p, "ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519-cert-v01@openssh.com", "SSH-ED25519", "ssh-unheard-of", "") + " " + rest
		}),
		some("ECDSA key", func(p *plan, b *block) { b.key = sshLine(p.keys.p256[3].Public()) }),
		some("RSA key", func(p *plan, b *block) { b.key = sshLine(pick(p, p.keys.rsa2048[2].Public(), p.keys.rsa1024.Public())) }),
		some("damaged key", func(p *plan, b *block) {
			kind, rest, _ := strings.Cut(b.key, " ")
			b.key = kind + " " + pick(p, rest[:10], rest[1:], "A"+rest, strings.Replace(rest, "A", "!", 1), "")
		}),
	}
}

func signatureMutations() []mutation {
	return []mutation{
		some("another signature scheme", func(p *plan, b *block) {
			b.sign = pick(p, padded(crypto.SHA256), pss(crypto.SHA256, 20), pss(crypto.SHA256, 0), pss(crypto.SHA256, 31), pss(crypto.SHA256, 33),
				pss(crypto.SHA256, rsa.PSSSaltLengthAuto), pss(crypto.SHA1, 32), pss(crypto.SHA384, 32), pss(crypto.SHA512, 32))
		}),
		some("signed with another key", func(p *plan, b *block) {
			b.sign = func(_ crypto.Signer, text []byte) ([]byte, error) {
				return pss(crypto.SHA256, 32)(p.keys.rsa2048[3], text)
			}
			p.certificates[signer].key = p.keys.rsa2048[1]
		}),
		some("part of the text unsigned", func(p *plan, b *block) {
			from := p.IntN(2) == 0
			b.sign = func(key crypto.Signer, text []byte) ([]byte, error) {
				if from {
					return pss(crypto.SHA256, 32)(key, text[:len(text)-1])
				}
				return pss(crypto.SHA256, 32)(key, text[strings.IndexByte(string(text), '\n')+1:])
			}
		}),
		some("octet changed after signing", func(p *plan, b *block) {
			flip := p.flip()
			b.textEdit = func(text string) string { return string(flip([]byte(text))) }
		}),
		some("key replaced after signing", func(p *plan, b *block) {
			was, is := b.key, p.keys.line()
			b.textEdit = func(text string) string { return strings.Replace(text, was, is, 1) }
		}),
		some("line added after signing", func(p *plan, b *block) {
			line := pick(p, "#X=1\n", "#Timestamp=9999999999\n", "\n", p.keys.line()+"\n", "garbage\n", " \n")
			b.textEdit = func(text string) string { return line + text }
		}),
		some("signature with another line length", func(p *plan, b *block) { b.encode = wrapped(pick(p, 1, 4, 63, 64, 1000)) }),
		some("signature with another encoding", func(p *plan, b *block) {
			b.encode = pick(p,
				func(s []byte) string { return hex.EncodeToString(s) + "\n" },
				func(s []byte) string { return base64.URLEncoding.EncodeToString(s) + "\n" },
				func(s []byte) string { return base64.RawStdEncoding.EncodeToString(s) + "\n" },
				func(s []byte) string { return base64.StdEncoding.EncodeToString(append([]byte{0}, s...)) + "\n" },
				func(s []byte) string { return base64.StdEncoding.EncodeToString(append(s, 0)) + "\n" },
				func(s []byte) string { return base64.StdEncoding.EncodeToString(s[1:]) + "\n" },
				func(s []byte) string {
					return base64.StdEncoding.EncodeToString(s) + "\n" + base64.StdEncoding.EncodeToString(s) + "\n"
				},
				func(s []byte) string { return " " + base64.StdEncoding.EncodeToString(s) + "\n" },
				func(s []byte) string { return base64.StdEncoding.EncodeToString(s) + " \n" },
				func(s []byte) string { return strings.ReplaceAll(wrapped(64)(s), "\n", "\r\n") },
				func([]byte) string { return "" })
		}),
		some("octet of the signature changed", func(p *plan, b *block) {
			flip := p.flip()
			b.encode = func(s []byte) string { return wrapped(76)(flip(s)) }
		}),
	}
}

// documentMutations change the document as a whole.
func documentMutations() []mutation {
	document := func(name string, change func(*plan)) mutation { return mutation{"document: " + name, change} }
	edit := func(p *plan, change func([]byte) []byte) { p.textEdits = append(p.textEdits, change) }
	return []mutation{
		document("without blocks", func(p *plan) { p.blocks = nil }),
		document("more blocks", func(p *plan) {
			for range pick(p, 1, 3, 10) {
				p.blocks = append(p.blocks, p.block())
			}
		}),
		document("duplicate blocks", func(p *plan) { p.blocks = append(p.blocks, p.blocks...) }),
		document("octet changed", func(p *plan) { edit(p, p.flip()) }),
		document("truncated", func(p *plan) { edit(p, p.cut()) }),
		document("text before the blocks", func(p *plan) {
			edit(p, func(b []byte) []byte {
				return append([]byte(pick(p, "garbage\n", "\n\n", "\x00\n", "AAAA\n", " #X=1\n", "\xef\xbb\xbf")), b...)
			})
		}),
		document("text after the blocks", func(p *plan) {
			edit(p, appended(pick(p, "garbage\n", "\n\n", "AAAA\n", "#", "#Timestamp=1\n", "\x00")))
		}),
		document("no blank lines", func(p *plan) { edit(p, replaced("\n\n", "\n")) }),
		document("more blank lines", func(p *plan) { edit(p, replaced("\n\n", pick(p, "\n\n\n\n", "\n \n", "\n\t\n", "\n\r\n"))) }),
		document("other line endings", func(p *plan) { edit(p, replaced("\n", pick(p, "\r\n", "\r", "\n ", " \n"))) }),
		document("no last newline", func(p *plan) { edit(p, func(b []byte) []byte { return []byte(strings.TrimSuffix(string(b), "\n")) }) }),
		document("two lines swapped", func(p *plan) {
			i, j := p.IntN(14), p.IntN(14)
			edit(p, func(b []byte) []byte {
				lines := strings.SplitAfter(string(b), "\n")
				lines[i%len(lines)], lines[j%len(lines)] = lines[j%len(lines)], lines[i%len(lines)]
				return []byte(strings.Join(lines, ""))
			})
		}),
		document("line moved", func(p *plan) {
			i, j := p.IntN(14), p.IntN(14)
			edit(p, func(b []byte) []byte {
				lines := strings.SplitAfter(string(b), "\n")
				line := lines[i%len(lines)]
				lines = slices.Delete(lines, i%len(lines), i%len(lines)+1)
				return []byte(strings.Join(slices.Insert(lines, min(j, len(lines)), line), ""))
			})
		}),
	}
}
