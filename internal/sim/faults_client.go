package sim

import (
	"slices"

	"eic/internal/sim/tunnel"
)

// ClientFault is one way in which the API or the tunnel can go wrong. Only whoever
// pushes a key and connects sees it; on the instance nothing is different.
type ClientFault struct {
	// Name is what it is asked for by, api=WHAT or tunnel=WHAT.
	Name string
	// Description says what is different, in one line.
	Description string
	// Client says what "aws ec2-instance-connect open-tunnel" of version 2.23.6
	// does about it.
	Client string

	apply func(*front)
}

// front is how the side that clients see goes wrong.
type front struct {
	denied, throttled, wrongCertificate bool
	tunnel                              tunnel.Fault
}

// ClientFaults returns every fault of the API and the tunnel.
func ClientFaults() []ClientFault {
	faults := []ClientFault{
		{"api=denied", "every call of the APIs is refused as IAM does", "shows the error; exit status 254",
			func(f *front) { f.denied = true }},
		{"api=throttled", "every call of the APIs is refused as too frequent", "tries again, then shows the error; exit status 254",
			func(f *front) { f.throttled = true }},
		{"tunnel=wrong-certificate", "the certificate is for another name", "hangs for ever",
			func(f *front) { f.wrongCertificate = true }},
	}
	for _, t := range []struct {
		fault               tunnel.Fault
		description, client string
	}{
		{tunnel.Denied, "the tunnel is refused as IAM does", "shows the answer's body; exit status 255"},
		{tunnel.Throttled, "the tunnel is refused as one too many", "shows the answer's body; exit status 255"},
		{tunnel.DialFailure, "the instance cannot be reached", "shows the close frame's reason; exit status 255"},
		{tunnel.Reset, "the connection is reset instead of an answer", "hangs for ever"},
		{tunnel.Stall, "the tunnel opens and nothing comes through", "hangs for ever"},
		{tunnel.EarlyEnd, "the tunnel ends without a close frame when the instance first says something", "ends as if all were well; exit status 0"},
		{tunnel.CloseCode, "the tunnel ends with close code 1011 when the instance first says something", "shows the close frame's reason; exit status 255"},
		{tunnel.TextFrame, "a text frame comes before what the instance first says", "says that it received invalid data; exit status 255"},
	} {
		faults = append(faults, ClientFault{
			"tunnel=" + string(t.fault), t.description, t.client,
			func(f *front) { f.tunnel = t.fault },
		})
	}
	return faults
}

// front is what the faults make of the side that clients see.
func (o Options) front() front {
	var f front
	for _, fault := range ClientFaults() {
		if slices.Contains(o.Faults, fault.Name) {
			fault.apply(&f)
		}
	}
	return f
}
