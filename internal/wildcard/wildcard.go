// Package wildcard matches text with patterns in which "*" matches any text and "?" any
// one byte, as in IAM policies and sshd_config(5).
package wildcard

import "strings"

// Match reports whether the pattern matches the whole text. Its time is at most
// proportional to the product of both lengths.
func Match(pattern, text string) bool {
	p, t := 0, 0
	star, mark := -1, 0 // the last "*" in pattern, and the end of the text that it matches
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
