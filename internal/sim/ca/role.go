package ca

// Role is the part of a certificate in the simulated PKI.
type Role string

// The certificates of a PKI without faults: a signer, its issuer (the intermediate), the
// root above that, the same root's key certified by an older root, and the older root
// itself. Root and OlderRoot are the trust anchors. Signer, Intermediate and Cross are
// served.
const (
	Signer       Role = "signer"
	Intermediate Role = "intermediate"
	Cross        Role = "cross-signed root"
	Root         Role = "root"
	OlderRoot    Role = "older root"
)

// Certificates that only a PKI with a fault, or with something unusual, uses.
const (
	// Subordinate is a CA below the intermediate.
	Subordinate Role = "subordinate"
	// Stranger is a self-signed CA that is not trusted.
	Stranger Role = "stranger"
	// Delegate is the certificate of an authorized OCSP responder.
	Delegate Role = "delegate"
	// Sibling is another certificate of the signer's issuer.
	Sibling Role = "sibling"
)
