package imds

import "fmt"

// Kind is a way in which an answer can be lost or damaged.
type Kind string

// The kinds. A kind that ends in "once" affects only the first answer of its stage.
const (
	Hang        Kind = "hang"
	Drip        Kind = "drip"
	Reset       Kind = "reset"
	ResetOnce   Kind = "reset-once"
	Truncated   Kind = "truncated"
	WrongLength Kind = "wrong-length"
	Status500   Kind = "500"
	Status503   Kind = "503"
	Once503     Kind = "503-once"
	Status403   Kind = "403"
	Status404   Kind = "404"
	Once401     Kind = "401-once"
	Redirect    Kind = "redirect"
	Huge        Kind = "huge"
	LongLine    Kind = "long-line"
	Noise       Kind = "noise"
	Gzip        Kind = "gzip"
)

// Kinds returns every kind in a fixed order.
func Kinds() []Kind {
	return []Kind{
		Hang, Drip, Reset, ResetOnce, Truncated, WrongLength, Status500,
		Status503, Once503, Status403, Status404, Once401, Redirect, Huge,
		LongLine, Noise, Gzip,
	}
}

// Describe says in a few words what the client sees.
func (k Kind) Describe() string {
	return map[Kind]string{
		Hang:        "no answer ever comes",
		Drip:        "the body comes at one byte a second",
		Reset:       "the connection is reset instead of an answer",
		ResetOnce:   "the connection is reset once, and then answered",
		Truncated:   "the connection ends in the middle of the body",
		WrongLength: "Content-Length says half of what is sent",
		Status500:   "answered 500",
		Status503:   "always answered 503",
		Once503:     "answered 503 once, and then correctly",
		Status403:   "answered 403",
		Status404:   "answered 404",
		Once401:     "every token expires before the first such request, which is answered 401",
		Redirect:    "redirected to a place that answers well",
		Huge:        fmt.Sprintf("a body of %d bytes", hugeSize),
		LongLine:    fmt.Sprintf("one line of %d bytes", longLineSize),
		Noise:       "random bytes",
		Gzip:        "Content-Encoding says gzip over a plain body",
	}[k]
}
