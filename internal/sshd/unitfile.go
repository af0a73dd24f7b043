package sshd

import "strings"

// A word is part of a command line, with the position where it is written.
type word struct {
	text string
	file string
	line int
}

// serviceLines returns the assignments in the [Service] section of a unit file, in order,
// as keys and values. Continued lines are joined (systemd.syntax(7)).
func serviceLines(file string, data []byte) (keys []string, values []word) {
	section, pending, start := "", "", 0
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line != "" && strings.ContainsRune("#;", rune(line[0])) {
			continue
		}
		if pending == "" {
			start = i + 1
		}
		if joined, continued := strings.CutSuffix(line, `\`); continued {
			pending += joined + " "
			continue
		}
		line, pending = pending+line, ""
		if strings.HasPrefix(line, "[") {
			section = line
		}
		key, value, assigned := strings.Cut(line, "=")
		if section == "[Service]" && assigned {
			keys = append(keys, strings.TrimSpace(key))
			values = append(values, word{strings.TrimSpace(value), file, start})
		}
	}
	return keys, values
}

// splitUnit splits text as systemd splits a command line: quotes keep blanks, and a
// backslash keeps the next character (systemd.service(5)). An unclosed quote ends with
// the text.
func splitUnit(text string) []string {
	var words []string
	var b strings.Builder
	var quote byte
	open := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
			open = true
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && strings.IndexByte(blanks, c) >= 0:
			if open {
				words = append(words, b.String())
			}
			b.Reset()
			open = false
		default:
			b.WriteByte(c)
			open = true
		}
	}
	if open {
		words = append(words, b.String())
	}
	return words
}

// environmentLines returns the variables of a file for EnvironmentFile. Quotes around a
// value, or around a part of it, are removed; blanks outside of them stay.
func environmentLines(file string, data []byte) map[string]word {
	variables := map[string]word{}
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		name, value, assigned := strings.Cut(line, "=")
		if !assigned || strings.ContainsRune("#;", rune(line[0])) {
			continue
		}
		name = strings.TrimSpace(strings.TrimPrefix(name, "export "))
		variables[name] = word{unquote(strings.TrimSpace(value)), file, i + 1}
	}
	return variables
}

func unquote(value string) string {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(value):
			i++
			b.WriteByte(value[i])
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
