package explain

import (
	"slices"

	"eic/internal/printable"
)

// Login is what sshd of this host says to a login of the user with a pushed key,
// apart from the key itself.
type Login struct {
	// Verdict is "accepts", "refuses", or "unknown" where it could not all be
	// found out.
	Verdict string `json:"verdict"`
	// Problems are those of eic doctor --user.
	Problems []Problem `json:"problems,omitempty"`
}

// Verdicts of a Login.
const (
	Accepts = "accepts"
	Refuses = "refuses"
	Unknown = "unknown"
)

// Problem is a check of eic doctor that is not ok.
type Problem struct {
	ID      string `json:"id"`
	Verdict string `json:"verdict"`
	Found   string `json:"found"`
	Remedy  string `json:"remedy"`
}

// pushedKey is the ID of a Problem with the very keys that would be printed.
const pushedKey = "pushed-key"

// KeyRefusal says why sshd refuses a key of a type as in authorized_keys, of a size in bits if
// it is an RSA key: what was found, and what to do. It reports false of a key that is not refused.
type KeyRefusal func(kind string, bits int) (found, remedy string, refused bool)

// WeighKeys adds to Login what sshd says to the keys that would be printed. Where it takes none
// of them, it refuses the login.
func (r *Explanation) WeighKeys(refusal KeyRefusal) {
	if r.Login == nil || r.Outcome != Keys {
		return
	}
	problem := Problem{ID: pushedKey, Verdict: "broken"}
	problems := slices.DeleteFunc(slices.Clone(r.Login.Problems), func(p Problem) bool {
		return p.ID == "key-types" && p.Verdict == "warning" // which key was pushed is known here
	})
	var printed []string // once each: a key may have been pushed twice
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

// refusedKeys counts the keys that were pushed, if they are the only reason to refuse the login.
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

// login says what comes of the answer.
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
		p.heading(doubtful, "It is not known whether sshd lets %s log in", user)
	}
	for _, problem := range r.Login.Problems {
		p.message("", problem.Found)
		p.paragraph("What to do: " + problem.Remedy)
	}
}
