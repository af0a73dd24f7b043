package differential

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/rand/v2"
	"time"
)

// role names a certificate of a plan.
type role string

// The certificates that a plan may have. The anchors are root and older. Signer, middle
// and cross (root's key certified by older) are served.
const (
	root     role = "root"
	older    role = "older"
	cross    role = "cross"
	middle   role = "middle"
	lower    role = "lower"   // a CA below middle
	trusted  role = "trusted" // middle as a trust anchor
	signer   role = "signer"
	stranger role = "stranger" // an untrusted CA
	delegate role = "delegate" // an OCSP responder
	sibling  role = "sibling"  // another certificate of the signer's issuer
)

// The values that a plan has for the instance, unless they are mutated.
const (
	ourInstance = "i-0123456789abcdef0"
	ourRegion   = "us-east-1"
	ourDomain   = "amazonaws.com"
)

// plan describes evidence before it is generated.
type plan struct {
	*rand.Rand
	keys *keys
	now  time.Time

	instance, region, zone, domain string
	noRegion                       bool

	certificates map[role]*certificate
	chain        []role
	anchors      []role
	chainEdits   []func([]byte) []byte
	staples      []*staple
	blocks       []*block
	textEdits    []func([]byte) []byte
}

// certificate describes a certificate.
type certificate struct {
	template x509.Certificate
	key      crypto.Signer
	issuer   role
	// signedBy signs in place of the issuer's key.
	signedBy crypto.Signer
	// parentEdit changes the issuer's certificate before values are copied from it.
	parentEdit func(*x509.Certificate)
	// contentEdit changes the content before signing, derEdit the DER afterwards.
	contentEdit, derEdit func([]byte) []byte

	made *x509.Certificate
	der  []byte
}

// newPlan returns a plan without mutations.
func newPlan(seed uint64, keys *keys, now time.Time) *plan {
	p := &plan{
		Rand: rand.New(rand.NewPCG(seed, 0)), keys: keys, now: now,
		instance: ourInstance, region: ourRegion, zone: ourRegion + "a", domain: ourDomain,
		chain: []role{signer, middle, cross}, anchors: []role{root, older},
	}
	p.certificates = map[role]*certificate{
		root: p.authority("Newer Root", root), older: p.authority("Older Root", older),
		cross: p.authority("Newer Root", older), middle: p.authority("Middle", root),
		lower: p.authority("Lower", middle), stranger: p.authority("Stranger", stranger),
		signer: p.leaf("", middle), delegate: p.leaf("Responder", middle), sibling: p.leaf("sibling.example", middle),
	}
	p.certificates[cross].key = p.certificates[root].key
	p.certificates[signer].key = keys.signer(p)
	p.certificates[signer].template.DNSNames = []string{signerName(p.region, p.domain)}
	p.nameSigner(signerName(p.region, p.domain))
	d := &p.certificates[delegate].template
	d.DNSNames, d.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
	p.staples = []*staple{p.good(signer, middle), p.good(middle, root), p.good(cross, older)}
	p.blocks = []*block{p.block()}
	if p.IntN(3) == 0 {
		p.blocks = append(p.blocks, p.block())
	}
	return p
}

func signerName(region, domain string) string { return "managed-ssh-signer." + region + "." + domain }

// nameSigner changes the common name of the signer.
func (p *plan) nameSigner(name string) {
	p.certificates[signer].template.Subject = pkix.Name{CommonName: name}
}

// authority returns a valid certificate of a CA.
func (p *plan) authority(name string, issuer role) *certificate {
	return &certificate{issuer: issuer, key: p.keys.authority(p), template: x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"Differential"}, CommonName: name},
		NotBefore:             p.now.AddDate(-1, 0, 0),
		NotAfter:              p.now.AddDate(5, 0, 0),
		BasicConstraintsValid: true, IsCA: true, MaxPathLen: -1,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}}
}

// leaf returns a valid certificate of a server.
func (p *plan) leaf(name string, issuer role) *certificate {
	return &certificate{issuer: issuer, key: p.keys.small(p), template: x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             p.now.AddDate(0, 0, -7),
		NotAfter:              p.now.AddDate(0, 2, 0),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}}
}

// good returns a staple in which the issuer itself says good.
func (p *plan) good(about, issuer role) *staple {
	return &staple{
		about: about, issuerName: issuer, issuerKey: issuer, responder: issuer, named: issuer,
		thisUpdate: p.now.Add(-time.Hour), nextUpdate: p.now.AddDate(0, 0, 7), producedAt: p.now.Add(-time.Hour),
		hash: crypto.SHA1,
	}
}

// block returns a valid block for a new key.
func (p *plan) block() *block {
	return &block{
		fields: []field{
			{"Timestamp", unix(p.now.Add(time.Hour))},
			{"Instance", p.instance},
			{"Caller", "arn:aws:iam::123456789012:user/alice"},
			{"Request", "f2e7c3d9-ef92-4b1a-8e50-823e4a3ba085"},
		},
		key: p.keys.line(), equals: "=", end: "\n",
	}
}

// staple returns the first staple about a certificate. If the plan has none, staple adds one.
func (p *plan) staple(about role) *staple {
	for _, s := range p.staples {
		if s.about == about {
			return s
		}
	}
	s := p.good(about, p.certificates[about].issuer)
	p.staples = append(p.staples, s)
	return s
}

// pick returns one of several values.
func pick[T any](p *plan, values ...T) T { return values[p.IntN(len(values))] }
