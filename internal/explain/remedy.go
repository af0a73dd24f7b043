package explain

import (
	"fmt"

	"eic/internal/authorize"
	"eic/internal/metadata"
	"eic/internal/remedy"
)

// Remedy is what to do about something. The zero Remedy is nothing.
type Remedy = remedy.Remedy

// remedy returns what to do about a reason.
func (f facts) remedy(reason Cause) Remedy {
	if known, ok := f.ofKey(reason); ok {
		return known
	}
	if known, ok := f.ofSigner(reason); ok {
		return known
	}
	if known, ok := f.ofRequest(metadata.Stage(reason)); ok {
		return known
	}
	return f.ofAnswer(reason)
}

// ofKey is what to do about a key that was refused.
func (f facts) ofKey(reason Cause) (Remedy, bool) {
	switch reason {
	case Cause(authorize.Expired.String()):
		if f.offset >= keyLifetime {
			return remedy.SetClock(clockWords(f.offset)), true
		}
		return f.withClock(f.push("A pushed key counts for 60 seconds. Push it again and log in at once.")), true
	case Cause(authorize.OtherInstance.String()):
		return f.push("Push the key to this instance."), true
	case Cause(authorize.OtherFingerprint.String()):
		return Remedy{Text: "This is not the key that was asked about. To log in with it, have the client offer it, " +
			"for example with ssh -o IdentitiesOnly=yes -i KEYFILE."}, true
	case Cause(authorize.UnsupportedKey.String()):
		return f.push("Push a plain public key, such as one that ssh-keygen -t ed25519 makes: " +
			"no certificate and no options before it."), true
	case Cause(authorize.UserDenied.String()):
		return Remedy{Text: "This is the policy of this host: --deny-user and --allow-user in sshd's AuthorizedKeysCommand, " +
			"or in the file that its --config names. Push the key for another user, or change the policy."}, true
	case Cause(authorize.CallerDenied.String()):
		return Remedy{Text: "This is the policy of this host: --require-caller and --caller-env in sshd's AuthorizedKeysCommand, " +
			"or in the file that its --config names. Push the key as another IAM principal, or change the policy."}, true
	case Cause(authorize.RuleDenied.String()):
		return Remedy{Text: "This is the policy of this host: no \"allow USER from ARN\" of its settings has both this user and this principal. " +
			"Push the key for another user or as another principal, or change the policy; eic policy test tells what it says."}, true
	case Cause(authorize.Malformed.String()):
		return Remedy{Text: "EC2 Instance Connect does not write such a block. " + forged, Commands: f.keep()}, true
	case Cause(authorize.Repeated.String()):
		return Remedy{Text: "Nothing needs to be done: the first block counts."}, true
	case Cause(authorize.BadSignature.String()):
		return Remedy{Text: "The block was damaged on its way or forged. Its request id, if it is real, is in CloudTrail. " + forged,
			Commands: f.keep()}, true
	default:
		return Remedy{}, false
	}
}

// keyLifetime is how long a pushed key counts, in seconds.
const keyLifetime = 60

// forged is what to think of an answer that IMDS does not give.
const forged = "If it happens again, take it that something on this host answers in the place of the metadata service: " +
	"a process or container with CAP_NET_RAW or CAP_NET_ADMIN can. Keep the evidence."

// ofSigner is what to do about a signer that is not trusted.
func (f facts) ofSigner(reason Cause) (Remedy, bool) {
	switch reason {
	case causeSignerRevoked:
		return Remedy{Text: "Nothing that this signer signed can be believed any more. Log in another way (Session Manager, " +
			"the serial console, a key in authorized_keys), keep the evidence and tell AWS Support.", Commands: f.keep()}, true
	case causeSignerExpired, causeSignerStatus:
		return f.withClock(Remedy{Text: "AWS renews the signer's certificate and its staples long before they run out. " +
			"Look at this machine's clock first; if it is right, wait a few minutes and try again.",
			Commands: []string{"timedatectl", "chronyc tracking"}}), true
	case causeSignerChain, causeSignerName, causeSignerKey:
		return Remedy{Text: "This is not the certificate of EC2 Instance Connect's signer. " + forged, Commands: f.keep()}, true
	case causeSignerPath:
		return Remedy{Text: "The certificate does not lead to a trust anchor. If --trust-anchors names a file of your own, look there. " +
			forged, Commands: f.keep()}, true
	case causePlace:
		return Remedy{Text: "The metadata service never says this of an instance, or --instance-id or --partition is that of another. Ask it by hand. " + forged,
			Commands: f.byHand("instance-id", "placement/region", "placement/availability-zone")}, true
	case causeUnknownDomain:
		return Remedy{Text: "If this is a partition of AWS that you know, and this is its domain, add --domain NAME to sshd's " +
			"AuthorizedKeysCommand. Otherwise nothing that this metadata service says can be believed. " + forged,
			Commands: f.keep()}, true
	default:
		return Remedy{}, false
	}
}

// ofAnswer is what to do about an answer that is no key, and about a failure
// of the machine itself.
func (f facts) ofAnswer(reason Cause) Remedy {
	switch reason {
	case causeNoKey:
		return f.push("Push a key and log in within 60 seconds.")
	case causeUserName:
		return Remedy{Text: "EC2 Instance Connect has keys for names of up to 32 letters, digits and @ . _ - that begin with a " +
			"letter or underscore. Another user needs another way in, such as a key in authorized_keys."}
	case causeNotEC2:
		return Remedy{Text: "If it is one, these files should say so: the first holds the instance id (Nitro), " +
			"or the second begins with ec2 (Xen). A container may not have them.", Commands: lookAtMachine()}
	case causeMachine:
		return Remedy{Text: "These files say which instance this is, and must be readable where they exist.", Commands: lookAtMachine()}
	case causeAnchors:
		return Remedy{Text: "--trust-anchors must name a file of certificates in PEM that the user whom sshd runs this program as can read. " +
			"For the system's own, install your distribution's package ca-certificates."}
	case causeConfine:
		return Remedy{Text: "The kernel refused a restriction that any kernel since 3.5 knows. A seccomp filter around sshd may forbid prctl(2)."}
	case causeNotAsked:
		return Remedy{Text: "Verify the evidence at its own time, which is what it was kept for."}
	default:
		return Remedy{}
	}
}

func lookAtMachine() []string {
	return []string{"cat /sys/devices/virtual/dmi/id/board_asset_tag", "cat /sys/hypervisor/uuid"}
}

// push is a remedy that ends in pushing a key.
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

// withClock adds what the clock may have to do with it.
func (f facts) withClock(r Remedy) Remedy {
	if f.offset != 0 {
		r.Text += fmt.Sprintf(" This machine's clock is %s the metadata service's, which may be the whole reason.", clockWords(f.offset))
	}
	return r
}

// clockWords says how far a clock is off.
func clockWords(offset int64) string {
	if offset < 0 {
		return seconds(-offset) + " behind"
	}
	return seconds(offset) + " ahead of"
}
