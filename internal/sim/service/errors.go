package service

import (
	"fmt"
	"net/http"
)

// apiError is an error of the protocol: a code and a message.
type apiError struct {
	code, message string
}

func invalid(format string, args ...any) *apiError {
	return &apiError{"InvalidArgsException", fmt.Sprintf(format, args...)}
}

// status returns the HTTP status for the code.
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
