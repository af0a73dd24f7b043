package sim

import (
	"slices"

	"eic/internal/sim/tunnel"
)

// ClientFault is one way in which the API or the tunnel can fail. Only a client that
// pushes a key or connects sees it; nothing differs on the instance.
type ClientFault struct {
	// Name is the name to request the fault by, api=WHAT or tunnel=WHAT.
	Name string
	// Description says what is different, on one line.
	Description string
	// Client is what "aws ec2-instance-connect open-tunnel" of version 2.23.6 does then.
	Client string

	apply func(*front)
}

// front says which faults the side that clients see has.
type front struct {
	denied, throttled, wrongCertificate bool
	tunnel                              tunnel.Fault
}

// ClientFaults returns every fault of the API and the tunnel.
func ClientFaults() []ClientFault {
	faults := []ClientFault{
		{"api=denied", "every call of the APIs is denied, as by IAM", "shows the error; exit status 254",
			func(f *front) { f.denied = true }},
		{"api=throttled", "every call of the APIs is throttled", "tries again, then shows the error; exit status 254",
			func(f *front) { f.throttled = true }},
		{"tunnel=wrong-certificate", "the TLS certificate is for another name", "hangs forever",
			func(f *front) { f.wrongCertificate = true }},
	}
	for _, t := range []struct {
		fault               tunnel.Fault
		description, client string
	}{
		{tunnel.Denied, "the tunnel is denied, as by IAM", "shows the answer's body; exit status 255"},
		{tunnel.Throttled, "the tunnel is throttled", "shows the answer's body; exit status 255"},
		{tunnel.DialFailure, "the instance cannot be reached", "shows the close frame's reason; exit status 255"},
		{tunnel.Reset, "the connection is reset before any answer", "hangs forever"},
		{tunnel.Stall, "the tunnel opens, but no data comes through", "hangs forever"},
		{tunnel.EarlyEnd, "the tunnel ends without a close frame when the instance first sends data", "ends without an error, exit status 0; seldom shows AWS_IO_SOCKET_CLOSED, exit status 255"},
		{tunnel.CloseCode, "the tunnel ends with close code 1011 when the instance first sends data", "shows the close frame's reason; exit status 255"},
		{tunnel.TextFrame, "a text frame comes before the instance's first data", "says that it received invalid data; exit status 255"},
	} {
		faults = append(faults, ClientFault{
			"tunnel=" + string(t.fault), t.description, t.client,
			func(f *front) { f.tunnel = t.fault },
		})
	}
	return faults
}

// front returns the faults of the side that clients see.
func (o Options) front() front {
	var f front
	for _, fault := range ClientFaults() {
		if slices.Contains(o.Faults, fault.Name) {
			fault.apply(&f)
		}
	}
	return f
}
