package tunnel

// Fault is a way in which every tunnel fails.
type Fault string

// The faults.
const (
	Denied      Fault = "denied"
	Throttled   Fault = "throttled"
	DialFailure Fault = "dial-failure"
	Reset       Fault = "reset"
	Stall       Fault = "stall"
	EarlyEnd    Fault = "early-end"
	CloseCode   Fault = "close-code"
	TextFrame   Fault = "text-frame"
)
