package service

import (
	"fmt"
	"net/http"
)

// apiError is an error in the protocol's form: a code and a message.
type apiError struct {
	code, message string
}

func invalid(format string, args ...any) *apiError {
	return &apiError{"InvalidArgsException", fmt.Sprintf(format, args...)}
}

// status is the HTTP status that goes with the code.
func (e *apiError) status() int {
	switch e.code {
	case "ServiceException", "SerialConsoleSessionUnavailableException":
		return http.StatusInternalServerError
	case "MissingAuthenticationTokenException", "IncompleteSignatureException":
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// Errors returns the errors that the API documents for SendSSHPublicKey.
func Errors() []string {
	return []string{
		"AuthException",
		"EC2InstanceNotFoundException",
		"EC2InstanceStateInvalidException",
		"EC2InstanceUnavailableException",
		"InvalidArgsException",
		"ServiceException",
		"ThrottlingException",
	}
}
