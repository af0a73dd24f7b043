package imds

import "fmt"

// Kind is a way in which an answer goes wrong on its way to the client.
type Kind string

// The kinds. Those ending in "once" spoil the first answer of their stage only.
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
	switch k {
	case Hang:
		return "no answer ever comes"
	case Drip:
		return "the body comes at one byte a second"
	case Reset:
		return "the connection is reset instead of an answer"
	case ResetOnce:
		return "the connection is reset once, then all is well"
	case Truncated:
		return "the connection ends in the middle of the body"
	case WrongLength:
		return "Content-Length says half of what is sent"
	case Status500:
		return "answered 500"
	case Status503:
		return "answered 503 for ever"
	case Once503:
		return "answered 503 once, then all is well"
	case Status403:
		return "answered 403"
	case Status404:
		return "answered 404"
	case Once401:
		return "every token expires before the first such request, which is answered 401"
	case Redirect:
		return "redirected to a place that answers well"
	case Huge:
		return fmt.Sprintf("a body of %d bytes", hugeSize)
	case LongLine:
		return fmt.Sprintf("one line of %d bytes", longLineSize)
	case Noise:
		return "random bytes"
	case Gzip:
		return "Content-Encoding says gzip over a plain body"
	}
	return ""
}
