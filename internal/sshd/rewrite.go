package sshd

import (
	"slices"
	"strings"
)

// LineWithoutOverrides returns the line of an override without its overriding options. It
// is a unit's ExecStart, written on one line, or a variable of an environment file. The
// result is "" for a line that cannot be parsed well enough to rewrite.
func (v Override) LineWithoutOverrides(t Tree) string {
	data, err := t.ReadFile(v.File)
	if err != nil {
		return ""
	}
	lines := strings.Split(string(data), "\n")
	if v.Line < 1 || v.Line > len(lines) {
		return ""
	}
	var line string
	for _, part := range lines[v.Line-1:] {
		joined, continued := strings.CutSuffix(strings.TrimSpace(part), `\`)
		line += joined + " "
		if !continued {
			break
		}
	}
	key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
	if strings.Contains(v.File, "/systemd/") {
		words := splitUnit(value)
		if key != "ExecStart" || len(words) == 0 {
			return ""
		}
		return rebuilt(words[1:], func(rest []string) string {
			return key + "=" + strings.Join(append(words[:1:1], rest...), " ")
		})
	}
	return rebuilt(splitUnit(unquote(value)), func(rest []string) string {
		return key + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(strings.Join(rest, " ")) + `"`
	})
}

// rebuilt writes a line from the remaining arguments, each quoted for systemd. It returns
// "" if all arguments remain.
func rebuilt(arguments []string, write func([]string) string) string {
	rest := withoutOverrides(arguments)
	if len(rest) == len(arguments) {
		return ""
	}
	for i, word := range rest {
		if word == "" || strings.ContainsAny(word, blanks+`"'\`) {
			rest[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
		}
	}
	return write(rest)
}

// withoutOverrides removes the options that set one of eic's keywords.
func withoutOverrides(arguments []string) []string {
	var rest []string
	for i := 0; i < len(arguments); i++ {
		text := arguments[i]
		at := -1
		if strings.HasPrefix(text, "-") {
			at = strings.IndexAny(text, withValue)
		}
		if at < 0 {
			rest = append(rest, text)
			continue
		}
		words, value := []string{text}, text[at+1:]
		if value == "" && i+1 < len(arguments) {
			i++
			value = arguments[i]
			words = append(words, value)
		}
		keyword, _ := ParseLine(value)
		switch {
		case text[at] != 'o' || !slices.Contains([]string{KeysCommand, KeysCommandUser}, keyword):
			rest = append(rest, words...)
		case at > 1:
			rest = append(rest, text[:at]) // options without a value, in the same word
		}
	}
	return rest
}
