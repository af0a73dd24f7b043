package explain

import (
	"fmt"
	"io"
	"strings"
	"time"

	"eic/internal/evidence"
	"eic/internal/instance"
	"eic/internal/lookup"
	"eic/internal/printable"
	"eic/internal/trust"
)

// maxShown is how much of an untrusted text is shown in quotes, in bytes.
const maxShown = 300

// WriteText writes the Explanation for people, with or without color. The text is the
// same.
func (r Explanation) WriteText(w io.Writer, color bool) error {
	p := &page{color: color}
	r.asked(p)
	r.question(p)
	r.machine(p)
	r.metadataService(p)
	r.signer(p)
	for i := range r.Keys {
		r.key(p, i)
	}
	r.answer(p)
	r.login(p)
	_, err := io.WriteString(w, p.text.String())
	return err
}

func (r Explanation) question(p *page) {
	whose := "any user"
	if r.User != "" {
		whose = "user " + printable.Word(r.User)
	}
	which := ""
	if r.Fingerprint != "" {
		which = " with the fingerprint " + printable.Word(r.Fingerprint)
	}
	p.heading(plainly, "EC2 Instance Connect keys for %s%s at %s", whose, which, stamp(r.Time))
	if k := r.Evidence; k != nil && !k.Time.IsZero() {
		p.line("from evidence that %s kept at %s", printable.Quote(k.Program, maxShown), stamp(k.Time))
		p.line("every file is unchanged; the SHA-256 of SHA256SUMS is")
		p.line("%s", printable.Word(k.Manifest))
	}
	if k := r.Evidence; k != nil && k.TrustAnchors {
		p.paragraph("the trust anchors come with the evidence; to use your own, name them with --trust-anchors")
	}
	if flags := flags(r.Flags); flags != "" {
		p.line("decided under %s", flags)
	}
}

// flags writes the flags that differ from the defaults.
func flags(t evidence.Flags) string {
	var words []string
	add := func(name string, values ...string) {
		for _, value := range values {
			words = append(words, "--"+name+"="+printable.Word(value))
		}
	}
	if t.TrustAnchors != lookup.AnchorsAuto {
		add("trust-anchors", t.TrustAnchors)
	}
	if t.InstanceID != "" {
		add("instance-id", t.InstanceID)
	}
	if t.Partition != "" {
		add("partition", t.Partition)
	}
	add("domain", t.Domains...)
	add("deny-user", t.DenyUsers...)
	add("allow-user", t.AllowUsers...)
	add("require-caller", t.RequireCallers...)
	for _, rule := range t.Allow {
		add("allow", rule.String())
	}
	if t.KeyOptions != "" {
		add("key-options", t.KeyOptions)
	}
	if t.CallerEnvironment {
		words = append(words, "--caller-env")
	}
	return strings.Join(words, " ")
}

func (r Explanation) machine(p *page) {
	m := r.Machine
	id := "an EC2 instance"
	if m.InstanceID != "" {
		id = "EC2 instance " + printable.Word(m.InstanceID)
	}
	switch instance.Platform(m.Platform) {
	case instance.Nitro:
		p.heading(plainly, "This machine is %s (Nitro, from its board asset tag)", id)
	case instance.Xen:
		p.heading(plainly, "This machine is %s (Xen, from its hypervisor's UUID)", id)
		if r.Flags.InstanceID == "" {
			p.paragraph("Only the metadata service says which Xen instance this is. An attacker who forges its answers can log in as anybody, " +
				"with a key pushed to an instance of their own. The setting instance-id ID prevents that; require-caller ARN limits it.")
		}
	case instance.None:
		p.heading(plainly, "This machine's identity files are not those of an EC2 instance")
		if m.InstanceID != "" {
			p.line("the metadata service reports the instance id %s", printable.Word(m.InstanceID))
		}
	default:
		if m.InstanceID != "" {
			p.heading(plainly, "The instance is %s", printable.Word(m.InstanceID))
		}
	}
	for _, said := range []struct{ name, value string }{
		{"region", m.Region}, {"zone", m.AvailabilityZone}, {"domain", m.Domain},
	} {
		if said.value != "" {
			p.field(said.name, printable.Word(said.value))
		}
	}
}

func (r Explanation) metadataService(p *page) {
	if len(r.Requests) == 0 {
		return
	}
	p.heading(plainly, "Requests to the metadata service")
	for _, x := range r.Requests {
		status := "no answer"
		if x.Status != 0 {
			status = fmt.Sprintf("%d, %d bytes", x.Status, x.Bytes)
		}
		p.line("%-18s %-18s %8.1f ms", printable.Word(x.Stage), status, x.Milliseconds)
		if x.Error != "" {
			p.message("  ", x.Error)
		}
	}
	if r.ClockOffset != nil && *r.ClockOffset != 0 {
		p.line("this machine's clock is %s its clock", clockWords(*r.ClockOffset))
	}
}

func (r Explanation) signer(p *page) {
	s := r.Signer
	switch {
	case s == nil:
		return
	case s.Trusted:
		p.heading(good, "The signer is trusted until %s", stamp(s.ValidUntil))
	default:
		p.heading(bad, "The signer is not trusted. These certificates were served")
	}
	for i, c := range s.Certificates {
		name := "issuer"
		switch {
		case c.Anchor:
			name = "trust anchor"
		case i == 0:
			name = "signer"
		}
		p.field(name, printable.Quote(c.Subject, maxShown))
		p.field("", fmt.Sprintf("valid from %s until %s", stamp(c.NotBefore), stamp(c.NotAfter)))
		if c.GoodStaple != "" {
			p.field("", fmt.Sprintf("not revoked: its staple is valid from %s until %s", stamp(c.GoodFrom), stamp(c.GoodUntil)))
		}
		if c.Tolerated {
			p.field("", fmt.Sprintf("valid now only within the tolerance of %d minutes; check this machine's clock", trust.Tolerance/time.Minute))
		}
	}
	for _, staple := range s.Staples {
		if staple.Error == "" {
			continue
		}
		p.field("staple", printable.Quote(staple.Name, maxShown)+" could not be fetched")
		p.message("  ", staple.Error)
	}
}

func (r Explanation) key(p *page, i int) {
	k := r.Keys[i]
	name := fmt.Sprintf("Key %d of %d", i+1, len(r.Keys))
	switch {
	case k.Printed:
		p.heading(good, "%s: printed", name)
	case k.Message == "":
		p.heading(doubtful, "%s: undecided, because it depends on the signer", name)
	default:
		p.heading(bad, "%s: refused, %s", name, printable.Word(string(k.Reason)))
		p.message("", k.Message)
	}
	if k.Fingerprint != "" {
		p.field("key", printable.Word(k.Type)+" "+printable.Word(k.Fingerprint))
	}
	if k.Caller != "" {
		p.field("pushed by", printable.Word(k.Caller))
	}
	if k.RequestID != "" {
		p.field("request id", printable.Word(k.RequestID))
	}
	if k.Timestamp != 0 {
		p.field("expires", expiry(k))
	}
	if k.Printed {
		p.field("sshd gets", printable.ASCII(k.AuthorizedKeysLine))
	}
	p.remedy(k.Remedy)
}

func expiry(k Key) string {
	when := fmt.Sprintf("at %d in Unix time", k.Timestamp)
	if !k.Expires.IsZero() {
		when = stamp(k.Expires)
	}
	if k.SecondsLeft < 0 {
		return when + ", " + seconds(-k.SecondsLeft) + " ago"
	}
	return when + ", " + seconds(k.SecondsLeft) + " left"
}

func seconds(n int64) string {
	if n == 1 {
		return "1 second"
	}
	return fmt.Sprintf("%d seconds", n)
}

func (r Explanation) answer(p *page) {
	switch r.Outcome {
	case Keys:
		p.heading(good, "Answer: %s", r.Message)
		if r.Fingerprint == "" && r.Evidence == nil {
			p.paragraph("If the login still fails, the client offers another key first. Have it offer only this one: " +
				"ssh -o IdentitiesOnly=yes -i KEYFILE")
		}
	case NoKey:
		p.heading(doubtful, "Answer: no key; %s", r.Message)
	default:
		p.heading(bad, "No answer")
		p.message("", r.Message)
	}
	p.remedy(r.Remedy)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
