// Package document writes the active-keys document that the simulated metadata service
// serves for a user.
//
// A document has one block for each pushed key: header lines, the key line and the
// signature. A Form says how blocks are written. Its zero value writes correct blocks;
// each of its fields changes something.
package document

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Field is one header line.
type Field struct {
	Name, Value string
}

// Entry is the contents of one block.
type Entry struct {
	// Fields are the header lines, in order.
	Fields []Field
	// Key is the public-key line without its newline.
	Key string
	// Equals separates a field's name from its value, and EndOfLine ends each line; ""
	// means "=" and "\n".
	Equals, EndOfLine string
}

// NewEntry returns the entry for a key that is valid until expiry on one instance. An
// empty caller or request has no line.
func NewEntry(expiry time.Time, instance, caller, request, key string) Entry {
	e := Entry{Key: key, Fields: []Field{
		{"Timestamp", strconv.FormatInt(expiry.Unix(), 10)},
		{"Instance", instance},
	}}
	if caller != "" {
		e.Fields = append(e.Fields, Field{"Caller", caller})
	}
	if request != "" {
		e.Fields = append(e.Fields, Field{"Request", request})
	}
	return e
}

// Clone returns a copy whose fields can be changed without changing e's.
func (e Entry) Clone() Entry {
	e.Fields = append([]Field(nil), e.Fields...)
	return e
}

// Get returns the value of the first field called name, or "".
func (e Entry) Get(name string) string {
	for _, f := range e.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Set changes the value of every field called name.
func (e *Entry) Set(name, value string) {
	for i := range e.Fields {
		if e.Fields[i].Name == name {
			e.Fields[i].Value = value
		}
	}
}

// Drop removes every field called name.
func (e *Entry) Drop(name string) {
	var kept []Field
	for _, f := range e.Fields {
		if f.Name != name {
			kept = append(kept, f)
		}
	}
	e.Fields = kept
}

// Signed is the text that the signature covers.
func (e Entry) Signed() string {
	equals, end := e.Equals, e.EndOfLine
	if equals == "" {
		equals = "="
	}
	if end == "" {
		end = "\n"
	}
	var text strings.Builder
	for _, f := range e.Fields {
		text.WriteString("#" + f.Name + equals + f.Value + end)
	}
	text.WriteString(e.Key + end)
	return text.String()
}

// Block is an entry as served: the signed text, followed by the encoded signature.
type Block struct {
	Entry     Entry
	Text      string
	Signature string
}

// Form says how documents are written.
type Form struct {
	// Entries are edits of each pushed entry before it is signed.
	Entries []func(*Entry)
	// Sign signs a text; nil means PSS.
	Sign func(key crypto.Signer, text string) ([]byte, error)
	// Encode encodes a signature; nil means base64 in lines of 76 characters.
	Encode func(signature []byte) string
	// Blocks are edits of the signed blocks. They can have new blocks signed by the
	// Writer.
	Blocks []func(w *Writer, blocks []Block) ([]Block, error)
	// Documents are edits of the finished document.
	Documents []func(document []byte) []byte
}

// Writer writes documents in one form, signed with one key. It signs each text only once,
// so that the same keys give the same document. It is safe for concurrent use.
type Writer struct {
	form Form
	key  crypto.Signer

	mu         sync.Mutex
	signatures map[string][]byte
}

// NewWriter returns a writer.
func NewWriter(form Form, key crypto.Signer) *Writer {
	return &Writer{form: form, key: key, signatures: make(map[string][]byte)}
}

// Document returns the document for the entries.
func (w *Writer) Document(entries []Entry) ([]byte, error) {
	var blocks []Block
	for _, e := range entries {
		e = e.Clone()
		for _, edit := range w.form.Entries {
			edit(&e)
		}
		block, err := w.Block(e)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, block)
	}
	for _, edit := range w.form.Blocks {
		var err error
		if blocks, err = edit(w, blocks); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	for i, block := range blocks {
		if i > 0 {
			out.WriteString("\n")
		}
		out.WriteString(block.Text + block.Signature)
	}
	document := out.Bytes()
	for _, edit := range w.form.Documents {
		document = edit(document)
	}
	return document, nil
}

// Block signs an entry.
func (w *Writer) Block(e Entry) (Block, error) {
	text := e.Signed()
	signature, err := w.signature(text)
	if err != nil {
		return Block{}, fmt.Errorf("signing the entry of key %q: %w", e.Key, err)
	}
	write := w.form.Encode
	if write == nil {
		write = Lines(76)
	}
	return Block{Entry: e, Text: text, Signature: write(bytes.Clone(signature))}, nil
}

func (w *Writer) signature(text string) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if signature, ok := w.signatures[text]; ok {
		return signature, nil
	}
	sign := w.form.Sign
	if sign == nil {
		sign = PSS
	}
	signature, err := sign(w.key, text)
	if err != nil {
		return nil, err
	}
	w.signatures[text] = signature
	return signature, nil
}

// PSS signs with RSASSA-PSS, SHA-256 and a salt of 32 octets (RFC 8017, section 8.1). A
// key that is not RSA signs with its own scheme.
func PSS(key crypto.Signer, text string) ([]byte, error) {
	var opts crypto.SignerOpts = crypto.SHA256
	switch key.(type) {
	case *rsa.PrivateKey:
		opts = &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}
	case ed25519.PrivateKey:
		opts = crypto.Hash(0)
	}
	return crypto.SignMessage(key, rand.Reader, []byte(text), opts)
}

// Lines returns a function that encodes a signature in base64, in lines of at most width
// characters.
func Lines(width int) func([]byte) string {
	return func(signature []byte) string {
		text := base64.StdEncoding.EncodeToString(signature)
		var out strings.Builder
		for len(text) > width {
			out.WriteString(text[:width] + "\n")
			text = text[width:]
		}
		out.WriteString(text + "\n")
		return out.String()
	}
}
