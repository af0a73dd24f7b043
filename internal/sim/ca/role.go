package ca

// Role is the part a certificate plays in the simulated PKI.
type Role string

// The certificates of a good PKI: a signer, the intermediate that issued it,
// the root above that, the same root's key certified by an older root, and the
// older root itself. Root and OlderRoot are the trust anchors; what is served is
// Signer, Intermediate, Cross.
const (
	Signer       Role = "signer"
	Intermediate Role = "intermediate"
	Cross        Role = "cross-signed root"
	Root         Role = "root"
	OlderRoot    Role = "older root"
)

// The certificates that only a PKI with something wrong, or something unusual,
// makes use of.
const (
	// Subordinate is a CA below the intermediate.
	Subordinate Role = "subordinate"
	// Stranger is a self-signed CA that nobody trusts.
	Stranger Role = "stranger"
	// Delegate is an OCSP responder certificate.
	Delegate Role = "delegate"
	// Sibling is issued by the signer's issuer, like the signer, for somebody
	// else.
	Sibling Role = "sibling"
)
