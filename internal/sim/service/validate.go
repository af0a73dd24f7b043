package service

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"
)

// The API's patterns for its parameters:
// https://docs.aws.amazon.com/ec2-instance-connect/latest/APIReference/API_SendSSHPublicKey.html
var (
	instancePattern = regexp.MustCompile(`^i-[a-f0-9]+$`)
	userPattern     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9@._-]{0,30}[A-Za-z0-9$_-]?$`)
	zonePattern     = regexp.MustCompile(`^(\w+-){2,3}\d+\w+$`)
)

const (
	minKey, maxKey           = 80, 4096
	minInstance, maxInstance = 10, 32
	minZone, maxZone         = 6, 32
	maxUser                  = 32
)

// request is the body of a SendSSHPublicKey call.
type request struct {
	InstanceID       string `json:"InstanceId"`
	InstanceOSUser   string `json:"InstanceOSUser"`
	SSHPublicKey     string `json:"SSHPublicKey"`
	AvailabilityZone string `json:"AvailabilityZone"`
}

// validate checks the parameters of a call, and returns the documented error.
func validate(r request) *apiError {
	switch {
	case !within(r.InstanceID, minInstance, maxInstance) || !instancePattern.MatchString(r.InstanceID):
		return invalid("InstanceId %q is not an instance id", r.InstanceID)
	case !within(r.InstanceOSUser, 1, maxUser) || !userPattern.MatchString(r.InstanceOSUser):
		return invalid("InstanceOSUser %q is not a user name", r.InstanceOSUser)
	case r.AvailabilityZone != "" &&
		(!within(r.AvailabilityZone, minZone, maxZone) || !zonePattern.MatchString(r.AvailabilityZone)):
		return invalid("AvailabilityZone %q is not an Availability Zone", r.AvailabilityZone)
	case !within(r.SSHPublicKey, minKey, maxKey):
		return invalid("SSHPublicKey has %d characters, not %d to %d", len(r.SSHPublicKey), minKey, maxKey)
	}
	if err := checkKey(r.SSHPublicKey); err != nil {
		return invalid("SSHPublicKey: %v", err)
	}
	return nil
}

// exists reports whether the call's instance exists in the call's zone.
func (s *Server) exists(r request) bool {
	i := s.options.Instance
	return r.InstanceID == i.ID && (r.AvailabilityZone == "" || r.AvailabilityZone == i.AvailabilityZone)
}

func within(text string, least, most int) bool {
	return len(text) >= least && len(text) <= most
}

// checkKey accepts one public key of a supported type, without options.
func checkKey(text string) error {
	line := strings.TrimSpace(text)
	if strings.ContainsAny(line, "\r\n") {
		return fmt.Errorf("more than one line")
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return err
	}
	if len(options) > 0 {
		return fmt.Errorf("options before the key")
	}
	switch key.Type() {
	case ssh.KeyAlgoRSA, ssh.KeyAlgoED25519:
		return nil
	}
	return fmt.Errorf("a key of type %q, not RSA or ED25519", key.Type())
}
