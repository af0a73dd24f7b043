// Package vectors makes the test vectors in docs/vectors with the simulator, and
// verifies them with this program's packages, with the command eic verify, and
// with OpenSSL.
//
// The vectors are for people who write another agent. docs/vectors/README.md
// describes their format.
package vectors
