// Package remedy has the advice for faults that more than one command of eic reports, so
// that each text and each shell command is written once.
//
// Advice about a key, a signer or evidence is in package explain. Advice about sshd is in
// package doctor.
package remedy

import "fmt"

// Remedy is what to do about a fault. The zero Remedy is no advice.
type Remedy struct {
	Text string `json:"text"`
	// Commands are shell commands. A word in capitals replaces a value that is unknown.
	Commands []string `json:"commands,omitempty"`
}

// Instance is the instance that commands of the AWS CLI refer to. An empty field is
// unknown.
type Instance struct {
	ID, Region string
}

// options returns the command that changes options of the metadata service.
//
// Source: Amazon EC2 User Guide, "Use the Instance Metadata Service".
func (i Instance) options(change string) string {
	command := "aws ec2 modify-instance-metadata-options"
	if i.Region != "" {
		command += " --region " + i.Region
	}
	if i.ID == "" {
		i.ID = "INSTANCE_ID"
	}
	return command + " --instance-id " + i.ID + " " + change
}

// TurnOn is for a metadata service that is disabled.
func (i Instance) TurnOn() Remedy {
	return Remedy{Text: "The metadata service is turned off for this instance. Turn it on.",
		Commands: []string{i.options("--http-endpoint enabled")}}
}

// RaiseHopLimit is for a connection over which no session token arrived.
func (i Instance) RaiseHopLimit() Remedy {
	return Remedy{Text: "The connection was made, but no session token arrived. In a container, the answer may exceed its hop limit: " +
		"raise the limit. Otherwise look for a firewall rule. Such a rule may apply to some users only; sshd runs eic as its AuthorizedKeysCommandUser.",
		Commands: append([]string{i.options("--http-put-response-hop-limit 2")}, lookAtFirewall()...)}
}

// NoConnection is for a metadata service that cannot be connected to.
func NoConnection() Remedy {
	return Remedy{Text: "Nothing accepted the connection. Look for a firewall rule or a missing route. A container or network namespace " +
		"may have no route. A rule may apply to some users only; sshd runs eic as its AuthorizedKeysCommandUser.",
		Commands: append([]string{"ip route get 169.254.169.254"}, lookAtFirewall()...)}
}

func lookAtFirewall() []string {
	return []string{"iptables-save | grep 169.254", "nft list ruleset | grep 169.254"}
}

// Throttled is for a metadata service that temporarily refuses requests.
func Throttled() Remedy {
	return Remedy{Text: "The metadata service refuses requests, usually because programs on this instance send too many. " +
		"See which programs are connected to it. If the refusals last only a short while, a longer --budget helps.",
		Commands: []string{"ss --tcp --processes dst 169.254.169.254"}}
}

// NotIMDSv2 is for something else at the metadata service's address.
func NotIMDSv2() Remedy {
	return Remedy{Text: "The answer is not IMDSv2. Another program may listen at that address, such as a metadata proxy " +
		"for containers; it must let EC2 Instance Connect's requests pass.",
		Commands: []string{"curl -sS -i -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token"}}
}

// SetClock is for a clock that is ahead by a minute or more. off says by how much, as in
// "600 seconds ahead of".
func SetClock(off string) Remedy {
	return Remedy{Text: fmt.Sprintf("This machine's clock is %s the metadata service's. Until the clock is set, every key has "+
		"expired on arrival, and pushing the key again does not help. Set the clock from the Amazon Time Sync Service, 169.254.169.123.", off),
		Commands: []string{"chronyc makestep", "timedatectl set-ntp true"}}
}
