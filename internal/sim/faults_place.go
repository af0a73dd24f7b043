package sim

import (
	"eic/internal/sim/ca"
	"eic/internal/sim/imds"
)

// imdsFaults are faults of the metadata service as a whole.
func imdsFaults() []Fault {
	return []Fault{
		refused("imds=disabled", "the metadata service is turned off: every answer is 403",
			"metadata service disabled",
			func(w *scenario) { w.faults.Disabled = true }),
		refused("imds=v1-only", "the metadata service issues no tokens (404) and answers without one",
			"no token",
			func(w *scenario) { w.faults.NoTokens = true }),
		refused("imds=throttled", "every request is answered 503",
			"metadata service throttles",
			func(w *scenario) {
				for _, stage := range Stages() {
					w.faults.Stages[stage] = imds.Status503
				}
			}),
		printed("imds=throttled-once", "the first request for each path is answered 503, the next one normally",
			func(w *scenario) { w.faults.ThrottledOnce = true }),
		printed("imds=ipv6-only", "nothing listens on the IPv4 addresses (without an IPv6 address: on [::1])",
			func(w *scenario) { w.ipv6Only = true }),
	}
}

// instanceFaults are faults in the instance id. A client that knows its id from the
// hypervisor is not affected if keys name the true instance.
func instanceFaults() []Fault {
	return []Fault{
		refused("instance=other", "instance-id is not the instance that keys are pushed to",
			"key is for another instance",
			tell(instancePath, "i-0fedcba9876543210")).onNitro(Printed),
		refused("instance=prefix", "instance-id is a prefix of the one that keys name",
			"key is for another instance",
			func(w *scenario) {
				w.metadata[instancePath] = w.options.InstanceID[:len(w.options.InstanceID)-1]
			}).onNitro(Printed),
		refused("instance=malformed", "instance-id, and the instance that keys name, is \"i-ABCDEFGH\"",
			"malformed instance id", bothSay("i-ABCDEFGH")),
		refused("instance=empty", "instance-id, and the instance that keys name, is empty",
			"malformed instance id", bothSay("")),
	}
}

// regionFaults are faults in the Region and the Availability Zone.
func regionFaults() []Fault {
	return []Fault{
		printed("region=missing", "placement/region is missing, as with an older metadata service",
			func(w *scenario) { delete(w.metadata, regionPath) }),
		printed("region=local-zone", "no region; the Availability Zone is the Local Zone us-west-2-lax-1a",
			onlyZone("us-west-2", "us-west-2-lax-1a")),
		printed("region=wavelength", "no region; the Availability Zone is the Wavelength Zone us-east-1-wl1-bos-wlz-1",
			onlyZone("us-east-1", "us-east-1-wl1-bos-wlz-1")),
		printed("region=gov", "no region; the Availability Zone is us-gov-west-1b",
			onlyZone("us-gov-west-1", "us-gov-west-1b")),
		refused("region=other", "region is us-west-2, but the signer's certificate is for another one",
			"signer name", tell(regionPath, "us-west-2")),
		refused("region=forged", "region is \"us-east-1.elb\", and the signer's certificate agrees",
			"malformed region",
			func(w *scenario) {
				w.metadata[regionPath] = "us-east-1.elb"
				w.nameSigner("us-east-1.elb", w.options.Domain)
			}),
		refused("region=empty", "region is empty", "malformed region", tell(regionPath, "")),
		refused("region=garbage", "region is \"../../\\x00\"", "malformed region", tell(regionPath, "../../\x00")),
		refused("region=newline", "region is two lines", "malformed region",
			func(w *scenario) { w.metadata[regionPath] += "\nus-west-2" }),
		refused("region=zone-garbage", "no region, and the Availability Zone is \"somewhere\"",
			"malformed Availability Zone",
			onlyZone("us-east-1", "somewhere")),
		refused("region=zone-missing", "both region and Availability Zone are missing",
			"no region",
			func(w *scenario) {
				delete(w.metadata, regionPath)
				delete(w.metadata, zonePath)
			}),
	}
}

// domainFaults are faults in services/domain.
func domainFaults() []Fault {
	return []Fault{
		printed("domain=china", "domain is amazonaws.com.cn, region cn-north-1, and the signer's certificate agrees",
			func(w *scenario) {
				w.metadata[regionPath], w.metadata[zonePath] = "cn-north-1", "cn-north-1a"
				w.metadata[domainPath] = "amazonaws.com.cn"
				w.nameSigner("cn-north-1", "amazonaws.com.cn")
			}),
		refused("domain=unknown", "domain is attacker.example, but the signer's certificate is the good one",
			"unknown domain", tell(domainPath, "attacker.example")),
		refused("domain=forged", "domain is attacker.example, and a trusted CA certified a signer of that name",
			"unknown domain", forgedDomain("attacker.example")),
		refused("domain=lookalike", "domain is amazonaws.com.attacker.example, and the signer's certificate agrees",
			"unknown domain", forgedDomain("amazonaws.com.attacker.example")),
		refused("domain=newline", "domain is two lines, the first of them good",
			"unknown domain",
			func(w *scenario) { w.metadata[domainPath] += "\nattacker.example" }),
		refused("domain=empty", "domain is empty", "unknown domain", tell(domainPath, "")),
	}
}

// tell changes what the metadata service serves at a path.
func tell(path, value string) func(*scenario) {
	return func(w *scenario) { w.metadata[path] = value }
}

func bothSay(instance string) func(*scenario) {
	return func(w *scenario) {
		w.metadata[instancePath] = instance
		w.instance = instance
	}
}

// onlyZone makes the metadata service serve the Availability Zone but no Region.
func onlyZone(region, zone string) func(*scenario) {
	return func(w *scenario) {
		delete(w.metadata, regionPath)
		w.metadata[zonePath] = zone
		w.nameSigner(region, w.options.Domain)
	}
}

func forgedDomain(domain string) func(*scenario) {
	return func(w *scenario) {
		w.metadata[domainPath] = domain
		w.nameSigner(w.options.Region, domain)
	}
}

// nameSigner issues the signer's certificate for a Region and domain.
func (w *scenario) nameSigner(region, domain string) {
	w.plan.NameSigner(ca.SignerName(region, domain))
}
