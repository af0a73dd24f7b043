package sim

// keyFaults are those of the document that lists a user's keys.
func keyFaults() []Fault {
	return nil
}
