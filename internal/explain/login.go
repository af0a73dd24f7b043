package explain

import "eic/internal/printable"

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
		p.heading(bad, "sshd refuses %s, whatever key was pushed", user)
	default:
		p.heading(doubtful, "It is not known whether sshd lets %s log in", user)
	}
	for _, problem := range r.Login.Problems {
		p.message("", problem.Found)
		p.paragraph("What to do: " + problem.Remedy)
	}
}
