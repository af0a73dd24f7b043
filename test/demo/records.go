package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"
)

// event has the fields of a CloudTrail event that the demo shows.
type event struct {
	Name      string `json:"eventName"`
	RequestID string `json:"requestID"`
	ErrorCode string `json:"errorCode"`
	Identity  struct {
		ARN string `json:"arn"`
	} `json:"userIdentity"`
	Parameters struct {
		User string `json:"osUser"`
		Key  struct {
			Line string `json:"publicKey"`
		} `json:"SSHKey"`
		Endpoint string `json:"instanceConnectEndpointId"`
		Address  string `json:"privateIpAddress"`
	} `json:"requestParameters"`
}

// recorded returns the events until now.
func (s *stage) recorded() ([]event, error) {
	text, err := os.ReadFile(s.events)
	if err != nil {
		return nil, err
	}
	var all []event
	for line := range strings.Lines(string(text)) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// join goes from sshd's record of the last login back to who pushed the key, as
// docs/how-to/audit.md does.
func (d *demo) join(context.Context) error {
	if d.accepted == "" || d.provided == "" {
		return errors.New("expected a record of sshd's and one of eic's, got none")
	}
	d.say("sshd        " + d.accepted)
	fingerprint := regexp.MustCompile(`SHA256:\S+`).FindString(d.accepted)
	d.say("   by the fingerprint " + fingerprint)
	if !strings.Contains(d.provided, fingerprint+",") {
		return fmt.Errorf("expected a record of eic's with this fingerprint, got %q", d.provided)
	}
	d.say("eic         " + d.provided)
	request := regexp.MustCompile(`request-id: ([^,]+)`).FindStringSubmatch(d.provided)
	if request == nil {
		return errors.New("expected a request id, got none")
	}
	d.say("   by the request id " + request[1])
	events, err := d.stage.recorded()
	if err != nil {
		return err
	}
	pushed := false
	for _, e := range events {
		switch {
		case e.RequestID == request[1]:
			key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(e.Parameters.Key.Line))
			if err != nil || ssh.FingerprintSHA256(key) != fingerprint {
				return fmt.Errorf("expected an event with the key %s, got %q", fingerprint, e.Parameters.Key.Line)
			}
			pushed = true
			d.say(fmt.Sprintf("CloudTrail  %s for %s by %s", e.Name, e.Parameters.User, e.Identity.ARN))
		case pushed && e.Name == "OpenTunnel":
			d.say(fmt.Sprintf("CloudTrail  %s through %s to %s by %s", e.Name, e.Parameters.Endpoint, e.Parameters.Address, e.Identity.ARN))
		}
	}
	if !pushed {
		return errors.New("expected an event with this request id, got none")
	}
	return nil
}
