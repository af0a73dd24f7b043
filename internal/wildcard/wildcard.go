// Package wildcard matches text with patterns in which "*" stands for any text
// and "?" for any one byte, as in IAM policies and in sshd_config(5).
package wildcard

import "strings"

// Match reports whether the pattern matches the whole text. It takes time in
// proportion to the product of both lengths at worst, whatever the pattern.
func Match(pattern, text string) bool {
	p, t := 0, 0
	star, mark := -1, 0 // the last "*" in pattern and where its text may end
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
