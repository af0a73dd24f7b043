package explain

import (
	"slices"

	"eic/internal/printable"
)

// Login says whether this host's sshd would accept a login of the user with a pushed key.
type Login struct {
	// Verdict is "accepts", "refuses", or "unknown" if some check failed.
	Verdict string `json:"verdict"`
	// Problems are the problems that eic doctor --user reports.
	Problems []Problem `json:"problems,omitempty"`
}

// The verdicts of a Login.
const (
	Accepts = "accepts"
	Refuses = "refuses"
	Unknown = "unknown"
)

// Problem is a check of eic doctor whose result is not ok.
type Problem struct {
	ID      string `json:"id"`
	Verdict string `json:"verdict"`
	Found   string `json:"found"`
	Remedy  string `json:"remedy"`
}

// pushedKey is the ID of a Problem with the keys that would be printed.
const pushedKey = "pushed-key"

// KeyRefusal says why sshd refuses a key of the given type (as in authorized_keys) and,
// for an RSA key, size in bits. It returns what was found and the remedy, or false if
// sshd does not refuse the key.
type KeyRefusal func(kind string, bits int) (found, remedy string, refused bool)

// CheckKeys adds to Login what sshd says about the keys that would be printed. If sshd
// refuses all of them, the login is refused.
func (r *Explanation) CheckKeys(refusal KeyRefusal) {
	if r.Login == nil || r.Outcome != Keys {
		return
	}
	problem := Problem{ID: pushedKey, Verdict: "broken"}
	problems := slices.DeleteFunc(slices.Clone(r.Login.Problems), func(p Problem) bool {
		return p.ID == "key-types" && p.Verdict == "warning" // the pushed key is checked instead
	})
	var printed []string // fingerprints without duplicates: a key may have been pushed twice
	refused := 0
	for _, k := range r.Keys {
		if !k.Printed || slices.Contains(printed, k.Fingerprint) {
			continue
		}
		printed = append(printed, k.Fingerprint)
		if found, remedy, no := refusal(k.Type, k.bits); no {
			refused++
			problem.Found, problem.Remedy = k.Fingerprint+": "+found, remedy
			problems = append(problems, problem)
		}
	}
	if refused == len(printed) {
		r.Login.Verdict = Refuses
	} else {
		for i := range problems {
			if problems[i].ID == pushedKey {
				problems[i].Verdict = "warning"
			}
		}
	}
	r.Login.Problems = problems
}

// refusedKeys returns the number of pushed keys that sshd refuses, or 0 if sshd refuses the
// login for another reason.
func (l Login) refusedKeys() int {
	count := 0
	for _, p := range l.Problems {
		switch {
		case p.ID == pushedKey:
			count++
		case p.Verdict == "broken":
			return 0
		}
	}
	return count
}

// login says whether sshd lets the user log in.
func (r Explanation) login(p *page) {
	if r.Login == nil {
		return
	}
	user := printable.Word(r.User)
	switch r.Login.Verdict {
	case Accepts:
		p.heading(good, "sshd lets %s log in with a pushed key", user)
	case Refuses:
		switch r.Login.refusedKeys() {
		case 0:
			p.heading(bad, "sshd refuses %s, whatever key was pushed", user)
		case 1:
			p.heading(bad, "sshd refuses the key that was pushed for %s", user)
		default:
			p.heading(bad, "sshd refuses the keys that were pushed for %s", user)
		}
	default:
		p.heading(doubtful, "Unknown whether sshd lets %s log in", user)
	}
	for _, problem := range r.Login.Problems {
		p.message("", problem.Found)
		p.paragraph("What to do: " + problem.Remedy)
	}
}
