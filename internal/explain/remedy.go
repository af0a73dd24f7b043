package explain

import (
	"fmt"

	"eic/internal/authorize"
	"eic/internal/metadata"
	"eic/internal/remedy"
)

// Remedy is what to do about a problem. The zero Remedy is no advice.
type Remedy = remedy.Remedy

// remedy returns the advice for a cause.
func (f facts) remedy(reason Cause) Remedy {
	if known, ok := f.keyRemedy(reason); ok {
		return known
	}
	if known, ok := f.signerRemedy(reason); ok {
		return known
	}
	if known, ok := f.requestRemedy(metadata.Stage(reason)); ok {
		return known
	}
	return f.answerRemedy(reason)
}

// keyRemedy returns the advice for a refused key.
func (f facts) keyRemedy(reason Cause) (Remedy, bool) {
	switch reason {
	case Cause(authorize.Expired.String()):
		if f.offset >= keyLifetime {
			return remedy.SetClock(clockWords(f.offset)), true
		}
		return f.withClock(f.push("A pushed key is valid for 60 seconds. Push it again and log in at once.")), true
	case Cause(authorize.OtherInstance.String()):
		return f.push("Push the key to this instance."), true
	case Cause(authorize.OtherFingerprint.String()):
		return Remedy{Text: "sshd asked about another key. To log in with this one, have the client offer it, " +
			"for example with ssh -o IdentitiesOnly=yes -i KEYFILE."}, true
	case Cause(authorize.UnsupportedKey.String()):
		return f.push("Push a plain public key, such as one from ssh-keygen -t ed25519: " +
			"no certificate, and no options before the key."), true
	case Cause(authorize.UserDenied.String()):
		return Remedy{Text: "This is the policy of this host: deny-user and allow-user in /etc/eic/eic.conf, or among the flags " +
			"of sshd's AuthorizedKeysCommand. Push the key for another user, or change the policy."}, true
	case Cause(authorize.CallerDenied.String()):
		return Remedy{Text: "This is the policy of this host: require-caller and caller-env in /etc/eic/eic.conf, or among the flags " +
			"of sshd's AuthorizedKeysCommand. Push the key as another IAM principal, or change the policy."}, true
	case Cause(authorize.RuleDenied.String()):
		return Remedy{Text: "This is the policy of this host: no \"allow USER from ARN\" in its settings matches both this user and this principal. " +
			"Push the key for another user or as another principal, or change the policy. To try a change, run eic policy test."}, true
	case Cause(authorize.Malformed.String()):
		return Remedy{Text: "EC2 Instance Connect never writes such a block. " + forged, Commands: f.keep()}, true
	case Cause(authorize.Repeated.String()):
		return Remedy{Text: "Nothing to do: the first copy of the block is the one that is used."}, true
	case Cause(authorize.BadSignature.String()):
		return Remedy{Text: "The block was damaged or forged. If its request id is genuine, CloudTrail has an event with it. " + forged,
			Commands: f.keep()}, true
	default:
		return Remedy{}, false
	}
}

// keyLifetime is the validity of a pushed key in seconds.
const keyLifetime = 60

// forged is the advice for an answer that the real metadata service never gives.
const forged = "If this happens again, assume that something on this host is impersonating the metadata service: " +
	"a process or container with CAP_NET_RAW or CAP_NET_ADMIN can do so. Save the evidence."

// signerRemedy returns the advice for a signer that is not trusted.
func (f facts) signerRemedy(reason Cause) (Remedy, bool) {
	switch reason {
	case causeSignerRevoked:
		return Remedy{Text: "Trust nothing that this signer signed. Log in another way (Session Manager, " +
			"the serial console, a key in authorized_keys), save the evidence and tell AWS Support.", Commands: f.keep()}, true
	case causeSignerExpired, causeSignerStatus:
		return f.withClock(Remedy{Text: "AWS renews the signer's certificate and its staples long before they expire. " +
			"Check this machine's clock first. If the clock is right, wait a few minutes and try again.",
			Commands: []string{"timedatectl", "chronyc tracking"}}), true
	case causeSignerChain, causeSignerName, causeSignerKey:
		return Remedy{Text: "This is not the certificate of EC2 Instance Connect's signer. " + forged, Commands: f.keep()}, true
	case causeSignerPath:
		return Remedy{Text: "The certificate does not chain to a trust anchor. If --trust-anchors names a file of your own, check that file. " +
			forged, Commands: f.keep()}, true
	case causePlace:
		return Remedy{Text: "The real metadata service never reports this. If the settings have instance-id or partition, check that they fit this instance. " +
			"Query the metadata service by hand. " + forged,
			Commands: f.byHand("instance-id", "placement/region", "placement/availability-zone")}, true
	case causeUnknownDomain:
		return Remedy{Text: "If this is the domain of an AWS partition, add --domain NAME to sshd's " +
			"AuthorizedKeysCommand. Otherwise trust nothing that this metadata service says. " + forged,
			Commands: f.keep()}, true
	default:
		return Remedy{}, false
	}
}

// answerRemedy returns the advice for an answer without a key, and for a failure of the
// machine itself.
func (f facts) answerRemedy(reason Cause) Remedy {
	switch reason {
	case causeNoKey:
		return f.push("Push a key and log in within 60 seconds.")
	case causeUserName:
		return Remedy{Text: "EC2 Instance Connect accepts user names of up to 32 letters, digits and @ . _ - that begin with a " +
			"letter or underscore. Other users need another way to log in, such as a key in authorized_keys."}
	case causeNotEC2:
		return Remedy{Text: "If this is an EC2 instance, these files should say so: the first holds the instance id (Nitro), " +
			"or the second begins with ec2 (Xen). A container may not have them.", Commands: lookAtMachine()}
	case causeMachine:
		return Remedy{Text: "These files say which instance this is. If they exist, they must be readable.", Commands: lookAtMachine()}
	case causeAnchors:
		return Remedy{Text: "--trust-anchors must name a file of PEM certificates. The user that sshd runs eic as must be able to read it. " +
			"For the system's trust anchors, install your distribution's package ca-certificates."}
	case causeConfine:
		return Remedy{Text: "The kernel refused a restriction that every kernel since 3.5 supports. A seccomp filter around sshd may forbid prctl(2)."}
	case causeNotAsked:
		return Remedy{Text: "Verify the evidence at its own time: leave out --at."}
	default:
		return Remedy{}
	}
}

func lookAtMachine() []string {
	return []string{"cat /sys/devices/virtual/dmi/id/board_asset_tag", "cat /sys/hypervisor/uuid"}
}

// push returns advice that ends with pushing a key.
func (f facts) push(text string) Remedy {
	command := fmt.Sprintf("aws ec2-instance-connect send-ssh-public-key --region %s --instance-id %s", f.region, f.instance)
	if f.zone != "" {
		command += " --availability-zone " + f.zone
	}
	command += fmt.Sprintf(" --instance-os-user %s --ssh-public-key file://KEYFILE.pub", f.user)
	return Remedy{Text: text, Commands: []string{command}}
}

func (f facts) keep() []string {
	return []string{fmt.Sprintf("eic explain --save DIRECTORY %s", f.user)}
}

// withClock adds advice about the clock if it is wrong.
func (f facts) withClock(r Remedy) Remedy {
	if f.offset != 0 {
		r.Text += fmt.Sprintf(" This machine's clock is %s the metadata service's, which may be the only cause.", clockWords(f.offset))
	}
	return r
}

// clockWords says by how much the clock is wrong, as in "600 seconds ahead of".
func clockWords(offset int64) string {
	if offset < 0 {
		return seconds(-offset) + " behind"
	}
	return seconds(offset) + " ahead of"
}
