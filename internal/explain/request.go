package explain

import (
	"fmt"
	"net/http"

	"eic/internal/metadata"
)

// ofRequest is what to do about a request to the metadata service that failed.
func (f facts) ofRequest(stage metadata.Stage) (Remedy, bool) {
	switch stage {
	case metadata.StageConnect:
		return Remedy{Text: "Nothing took the connection. Look for a firewall rule or a missing route; a container or network namespace " +
			"may have none, and a rule may be meant for some users only: sshd asks as its AuthorizedKeysCommandUser.",
			Commands: append([]string{"ip route get 169.254.169.254"}, lookAtFirewall()...)}, true
	case metadata.StageToken:
		return f.ofToken(), true
	case metadata.StageActiveKeys, metadata.StageInstanceID, metadata.StageRegion, metadata.StageZone,
		metadata.StageDomain, metadata.StageSigner, metadata.StageStapleList, metadata.StageStaple:
		return f.ofData(stage), true
	default:
		return Remedy{}, false
	}
}

// ofToken is what to do about a session token that could not be had.
//
// Source: Amazon EC2 User Guide, "Use the Instance Metadata Service".
func (f facts) ofToken() Remedy {
	options := fmt.Sprintf("aws ec2 modify-instance-metadata-options --region %s --instance-id %s", f.region, f.instance)
	switch status := f.status[metadata.StageToken]; {
	case status == http.StatusForbidden:
		return Remedy{Text: "The metadata service is turned off for this instance. Turn it on.",
			Commands: []string{options + " --http-endpoint enabled"}}
	case busy(status):
		return throttled()
	case status == 0:
		return Remedy{Text: "The connection was made, but no token came over it. In a container the answer may be dropped for its hop limit: " +
			"raise it. Otherwise look for a firewall rule; it may be meant for some users only, and sshd asks as its AuthorizedKeysCommandUser.",
			Commands: append([]string{options + " --http-put-response-hop-limit 2"}, lookAtFirewall()...)}
	default:
		return Remedy{Text: "What answers there is not IMDSv2. Something else may listen at its address, such as a metadata proxy " +
			"for containers; it must let EC2 Instance Connect's requests pass.",
			Commands: []string{curlToken}}
	}
}

// ofData is what to do about any other request that failed.
func (f facts) ofData(stage metadata.Stage) Remedy {
	switch status := f.status[stage]; {
	case busy(status):
		return throttled()
	case status == http.StatusNotFound || status == http.StatusForbidden:
		return Remedy{Text: "It hands out tokens but not this. A metadata proxy for containers may let only some paths pass, " +
			"or this Region may not have EC2 Instance Connect. Ask by hand.",
			Commands: f.byHand(f.path[stage])}
	default:
		return Remedy{Text: "The answer did not come whole. Ask by hand; if that fails too, look at the network, " +
			"and whether something on this host stands between it and the metadata service.",
			Commands: f.byHand(f.path[stage])}
	}
}

func busy(status int) bool {
	return status == http.StatusTooManyRequests || status >= 500
}

func throttled() Remedy {
	return Remedy{Text: "The metadata service refuses requests, mostly because programs on this instance ask it too often. " +
		"See who is connected to it. A greater --budget helps over a short while of it.",
		Commands: []string{"ss --tcp --processes dst 169.254.169.254"}}
}

func lookAtFirewall() []string {
	return []string{"iptables-save | grep 169.254", "nft list ruleset | grep 169.254"}
}

// curlToken asks for a session token as eic does.
const curlToken = "curl -sS -i -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token"

// byHand returns commands that ask for paths below /latest/meta-data/.
func (f facts) byHand(paths ...string) []string {
	commands := []string{"TOKEN=$(curl -sS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)"}
	for _, path := range paths {
		commands = append(commands, `curl -sS -i -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/`+path)
	}
	return commands
}
