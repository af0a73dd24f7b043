// Package remedy has what to do about faults that more than one command finds:
// each text and each command stands here once.
//
// What is about a key, a signer or evidence alone is explain's, and what is about
// sshd alone doctor's.
package remedy

import "fmt"

// Remedy is what to do about something. The zero Remedy is nothing.
type Remedy struct {
	Text string `json:"text"`
	// Commands are for a shell. What is not known is a word in capitals.
	Commands []string `json:"commands,omitempty"`
}

// Instance is the instance that commands of the AWS CLI are about. What is empty
// is not known.
type Instance struct {
	ID, Region string
}

// options is the command that changes options of the metadata service.
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

// RaiseHopLimit is for a token that never comes over a connection that stands.
func (i Instance) RaiseHopLimit() Remedy {
	return Remedy{Text: "The connection was made, but no token came over it. In a container the answer may be dropped for its hop limit: " +
		"raise it. Otherwise look for a firewall rule; it may be meant for some users only, and sshd asks as its AuthorizedKeysCommandUser.",
		Commands: append([]string{i.options("--http-put-response-hop-limit 2")}, lookAtFirewall()...)}
}

// NoConnection is for a metadata service that takes no connection.
func NoConnection() Remedy {
	return Remedy{Text: "Nothing took the connection. Look for a firewall rule or a missing route; a container or network namespace " +
		"may have none, and a rule may be meant for some users only: sshd asks as its AuthorizedKeysCommandUser.",
		Commands: append([]string{"ip route get 169.254.169.254"}, lookAtFirewall()...)}
}

func lookAtFirewall() []string {
	return []string{"iptables-save | grep 169.254", "nft list ruleset | grep 169.254"}
}

// Throttled is for a metadata service that refuses requests for a while.
func Throttled() Remedy {
	return Remedy{Text: "The metadata service refuses requests, mostly because programs on this instance ask it too often. " +
		"See who is connected to it. A greater --budget helps over a short while of it.",
		Commands: []string{"ss --tcp --processes dst 169.254.169.254"}}
}

// NotIMDSv2 is for something else that answers at the metadata service's address.
func NotIMDSv2() Remedy {
	return Remedy{Text: "What answers there is not IMDSv2. Something else may listen at its address, such as a metadata proxy " +
		"for containers; it must let EC2 Instance Connect's requests pass.",
		Commands: []string{"curl -sS -i -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token"}}
}

// SetClock is for a clock that is wrong; off says by how much, as in "600 seconds
// ahead of".
func SetClock(off string) Remedy {
	return Remedy{Text: fmt.Sprintf("This machine's clock is %s the metadata service's. Until it is set, every key has "+
		"expired when it comes, and pushing it again does not help. Set it from the Amazon Time Sync Service, 169.254.169.123.", off),
		Commands: []string{"chronyc makestep", "timedatectl set-ntp true"}}
}
