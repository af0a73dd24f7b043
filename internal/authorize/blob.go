package authorize

import (
	"crypto/ecdh"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
)

// A blob is a public key as SSH sends it: the type's name and the type's own
// fields, each a string of RFC 4251, section 5. sshd reads every key again
// before it uses one. The checks here make sure that a line is the one key
// whose fingerprint is compared and logged, and nothing besides.
//
// golang.org/x/crypto/ssh parses blobs too, but links an SSH client and server
// into the program: 156 KB, and 0.2 ms of every start. The tests compare both.

// format returns the check of the fields behind the name of a type, or nil for
// a name that is not a plain public-key type.
//
// Sources: RFC 4253, section 6.6 (ssh-rsa, ssh-dss); RFC 5656, section 3.1
// (ecdsa-sha2-*); RFC 8709, section 4 (ssh-ed25519); OpenSSH's PROTOCOL.u2f (sk-*).
func format(kind string) func(*reader) error {
	switch kind {
	case "ssh-rsa":
		return checkRSA
	case "ssh-dss": // sshd decides whether to accept DSA (PubkeyAcceptedAlgorithms)
		return checkDSA
	case "ssh-ed25519":
		return checkEd25519
	case "ecdsa-sha2-nistp256":
		return checkECDSA("nistp256", ecdh.P256())
	case "ecdsa-sha2-nistp384":
		return checkECDSA("nistp384", ecdh.P384())
	case "ecdsa-sha2-nistp521":
		return checkECDSA("nistp521", ecdh.P521())
	case "sk-ssh-ed25519@openssh.com":
		return withApplication(checkEd25519)
	case "sk-ecdsa-sha2-nistp256@openssh.com":
		return withApplication(checkECDSA("nistp256", ecdh.P256()))
	default:
		return nil
	}
}

// checkBlob checks that blob is one key of the type kind, and nothing more.
func checkBlob(blob []byte, kind string, check func(*reader) error) error {
	r := &reader{rest: blob}
	if name := r.bytes(); r.err == nil && string(name) != kind {
		return fmt.Errorf("its blob has the type %.60q", name)
	}
	err := check(r)
	switch {
	case r.err != nil:
		return r.err
	case err != nil:
		return err
	case len(r.rest) > 0:
		return fmt.Errorf("%d bytes follow the key", len(r.rest))
	}
	return nil
}

// The bounds are those of golang.org/x/crypto/ssh. OpenSSH generates RSA keys
// of up to 16,384 bits.
func checkRSA(r *reader) error {
	e, n := r.mpint(), r.mpint()
	switch {
	case n.BitLen() > 16384:
		return fmt.Errorf("the modulus has %d bits, expected at most 16384", n.BitLen())
	case e.BitLen() > 24 || e.Int64() < 3 || e.Bit(0) == 0:
		return errors.New("the exponent is not an odd number from 3 to 24 bits")
	}
	return nil
}

func checkDSA(r *reader) error {
	p, q, g, _ := r.mpint(), r.mpint(), r.mpint(), r.mpint()
	if p.BitLen() != 1024 || q.BitLen() != 160 || g.Cmp(p) >= 0 {
		return errors.New("the parameters are not those of a DSA key of 1024 bits")
	}
	return nil
}

func checkEd25519(r *reader) error {
	if n := len(r.bytes()); n != 32 {
		return fmt.Errorf("the key has %d bytes, expected 32", n)
	}
	return nil
}

func checkECDSA(name string, curve ecdh.Curve) func(*reader) error {
	return func(r *reader) error {
		if got := r.bytes(); string(got) != name {
			return fmt.Errorf("the curve is %.60q, expected %q", got, name)
		}
		if _, err := curve.NewPublicKey(r.bytes()); err != nil {
			return errors.New("the key is not a point of the curve in its uncompressed form")
		}
		return nil
	}
}

// withApplication is a key of a security token: the application's name follows.
func withApplication(check func(*reader) error) func(*reader) error {
	return func(r *reader) error {
		err := check(r)
		r.bytes()
		return err
	}
}

// reader reads the fields of a blob. After the first error it returns zero values.
type reader struct {
	rest []byte
	err  error
}

// bytes reads a string (RFC 4251, section 5).
func (r *reader) bytes() []byte {
	if r.err != nil {
		return nil
	}
	if len(r.rest) < 4 || uint64(binary.BigEndian.Uint32(r.rest)) > uint64(len(r.rest)-4) {
		r.err = errors.New("the key is cut short")
		return nil
	}
	end := 4 + int(binary.BigEndian.Uint32(r.rest))
	field := r.rest[4:end]
	r.rest = r.rest[end:]
	return field
}

// mpint reads an integer above zero in its only encoding (RFC 4251, section 5).
func (r *reader) mpint() *big.Int {
	b := r.bytes()
	positive := len(b) > 0 && b[0] < 0x80
	padded := len(b) > 1 && b[0] == 0 && b[1] < 0x80
	n := new(big.Int).SetBytes(b)
	if r.err == nil && (!positive || padded || n.Sign() == 0) {
		r.err = errors.New("a number is not above zero in its shortest form")
	}
	return n
}
