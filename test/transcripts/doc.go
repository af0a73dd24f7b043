// Package transcripts keeps the transcripts in docs/explain.md true: its test
// tells the same stories to the same code again and compares every character.
package transcripts
