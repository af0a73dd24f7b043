package sim

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"eic/internal/sim/document"
)

// keyFaults are faults in what a block says. Each block is signed with its fault, so its
// signature is good.
func keyFaults() []Fault {
	return append(headerFaults(), keyLineFaults()...)
}

// headerFaults are faults in the header lines.
func headerFaults() []Fault {
	return []Fault{
		refused("keys=expired", "Timestamp was ten seconds ago", "key expired",
			timestamp(func(time.Time) string { return unix(time.Now().Add(-10 * time.Second)) })),
		refused("keys=expires-now", "Timestamp is the second in which the document is served", "key expired",
			timestamp(func(time.Time) string { return unix(time.Now()) })),
		refused("keys=no-timestamp", "there is no Timestamp", "no Timestamp",
			entry(func(e *document.Entry) { e.Drop("Timestamp") })),
		refused("keys=empty-timestamp", "Timestamp is empty", "malformed Timestamp",
			timestamp(func(time.Time) string { return "" })),
		refused("keys=negative-timestamp", "Timestamp has a minus sign", "malformed Timestamp",
			timestamp(func(t time.Time) string { return "-" + unix(t) })),
		refused("keys=plus-timestamp", "Timestamp has a plus sign", "malformed Timestamp",
			timestamp(func(t time.Time) string { return "+" + unix(t) })),
		refused("keys=huge-timestamp", "Timestamp does not fit 64 bits", "malformed Timestamp",
			timestamp(func(time.Time) string { return "99999999999999999999" })),
		refused("keys=float-timestamp", "Timestamp has a fraction", "malformed Timestamp",
			timestamp(func(t time.Time) string { return unix(t) + ".5" })),
		refused("keys=hex-timestamp", "Timestamp is hexadecimal", "malformed Timestamp",
			timestamp(func(t time.Time) string { return fmt.Sprintf("%#x", t.Unix()) })),
		printed("keys=late-timestamp", "Timestamp is in ten years",
			timestamp(func(t time.Time) string { return unix(t.AddDate(10, 0, 0)) })),
		refused("keys=duplicate-header", "there are two Timestamps, both in the future", "duplicate header",
			entry(func(e *document.Entry) {
				e.Fields = append(e.Fields, document.Field{Name: "Timestamp", Value: e.Get("Timestamp")})
			})),
		refused("keys=other-instance", "Instance is the id of another instance", "key is for another instance",
			entry(func(e *document.Entry) { e.Set("Instance", "i-0fedcba9876543210") })),
		refused("keys=no-instance", "there is no Instance", "no Instance",
			entry(func(e *document.Entry) { e.Drop("Instance") })),
		printed("keys=no-caller", "there is no Caller",
			entry(func(e *document.Entry) { e.Drop("Caller") })),
		printed("keys=no-request", "there is no Request",
			entry(func(e *document.Entry) { e.Drop("Request") })),
		printed("keys=unknown-header", "there is an extra line #Purpose=test",
			entry(func(e *document.Entry) {
				e.Fields = append(e.Fields, document.Field{Name: "Purpose", Value: "test"})
			})),
		printed("keys=spaces-around-equals", "there are blanks around each =",
			entry(func(e *document.Entry) { e.Equals = " = " })),
		refused("keys=crlf", "lines end in CR LF", "control character",
			entry(func(e *document.Entry) { e.EndOfLine = "\r\n" })),
	}
}

// keyLineFaults are faults in the key line, or in the number of keys.
func keyLineFaults() []Fault {
	return []Fault{
		refused("keys=options", "the key line begins with command=\"id\"", "key with options",
			keyLine(func(key string) string { return `command="id" ` + key })),
		refused("keys=cert-authority", "the key line begins with cert-authority", "key with options",
			keyLine(func(key string) string { return "cert-authority " + key })),
		refused("keys=certificate", "the key is an SSH certificate for the pushed key", "unsupported key",
			eachAgain(certified)),
		refused("keys=unknown-type", "the key is of type ssh-unheard-of", "unsupported key",
			keyLine(func(string) string { return "ssh-unheard-of AAAADnNzaC11bmhlYXJkLW9m" })),
		refused("keys=type-mismatch", "the key line has the type ecdsa-sha2-nistp256 and a key of another type", "unsupported key",
			keyLine(func(key string) string {
				_, rest, _ := strings.Cut(key, " ")
				return "ecdsa-sha2-nistp256 " + rest
			})),
		refused("keys=bad-key", "the key is cut after ten characters of base64", "unsupported key",
			keyLine(func(key string) string {
				kind, rest, _ := strings.Cut(key, " ")
				return kind + " " + rest[:min(10, len(rest))]
			})),
		refused("keys=two-key-lines", "there are two key lines above one signature", "more than one key",
			keyLine(func(key string) string { return key + "\n" + key })),
		refused("keys=nul", "a NUL follows the key", "control character",
			keyLine(func(key string) string { return key + "\x00" })),
		refused("keys=escape", "the key's comment clears the terminal", "control character",
			keyLine(func(key string) string { return key + " \x1b[2J" })),
		refused("keys=carriage-return", "a bare CR and the key again follow the key", "control character",
			keyLine(func(key string) string { return key + "\r" + key })),
		printed("keys=dos-line-end", "the key is from a file with DOS line endings",
			keyLine(func(key string) string { return key + "\r" })),
		printed("keys=ecdsa", "an ECDSA key was pushed before", before(ecdsaKey)),
		printed("keys=rsa", "an RSA key was pushed before", before(rsaKey)),
		printed("keys=sk-ed25519", "an Ed25519 key on a security key was pushed before", before(skEd25519Key)),
		printed("keys=sk-ecdsa", "an ECDSA key on a security key was pushed before", before(skECDSAKey)),
		printed("keys=many", "200 keys were pushed before", func(w *scenario) {
			for range 200 {
				before(anyKey)(w)
			}
		}),
	}
}

// entry edits each pushed key's block before it is signed.
func entry(edit func(*document.Entry)) func(*scenario) {
	return func(w *scenario) { w.form.Entries = append(w.form.Entries, edit) }
}

// timestamp replaces Timestamp by a text made from the expiry time.
func timestamp(write func(expiry time.Time) string) func(*scenario) {
	return entry(func(e *document.Entry) {
		seconds, err := strconv.ParseInt(e.Get("Timestamp"), 10, 64)
		if err != nil {
			return // another fault has already changed it
		}
		e.Set("Timestamp", write(time.Unix(seconds, 0)))
	})
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func keyLine(change func(string) string) func(*scenario) {
	return entry(func(e *document.Entry) { e.Key = change(e.Key) })
}

// eachAgain signs each block again with another key line.
func eachAgain(change func(key string) (string, error)) func(*scenario) {
	return blocks(func(w *document.Writer, pushed []document.Block) ([]document.Block, error) {
		for i, block := range pushed {
			again := block.Entry.Clone()
			var err error
			if again.Key, err = change(again.Key); err != nil {
				return nil, err
			}
			if pushed[i], err = w.Block(again); err != nil {
				return nil, err
			}
		}
		return pushed, nil
	})
}

// before adds a good block for a new key before the first pushed one.
func before(fresh func() (string, error)) func(*scenario) {
	fresh = sync.OnceValues(fresh)
	return blocks(func(w *document.Writer, pushed []document.Block) ([]document.Block, error) {
		key, err := fresh()
		if err != nil {
			return nil, err
		}
		block, err := another(w, pushed[0], key)
		return append([]document.Block{block}, pushed...), err
	})
}

// another returns a good block like the given one, for another key.
func another(w *document.Writer, like document.Block, key string) (document.Block, error) {
	e := like.Entry.Clone()
	e.Key = key
	return w.Block(e)
}

func blocks(edit func(*document.Writer, []document.Block) ([]document.Block, error)) func(*scenario) {
	return func(w *scenario) { w.form.Blocks = append(w.form.Blocks, edit) }
}
