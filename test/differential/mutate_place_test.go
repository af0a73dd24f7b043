package differential

// placeMutations change the instance's location and id.
func placeMutations() []mutation {
	return []mutation{
		{"region: another Region", func(p *plan) { p.region = pick(p, "us-west-2", "eu-west-1", "us-east-2") }},
		{"region: malformed Region, for which the signer is named", func(p *plan) {
			p.region = pick(p, "", "us-east-1\n\n", "US-EAST-1", "us-east-1.elb", "us-east-1a", "*", "us-east-1\x00", "../us-east-1", "us--1")
			p.nameSigner(signerName(p.region, p.domain))
		}},
		{"region: newline at the end", func(p *plan) { p.region += "\n" }},
		{"region: missing, with an Availability Zone", func(p *plan) { p.noRegion = true }},
		{"region: missing, with a Local or Wavelength Zone", func(p *plan) { p.noRegion, p.zone = true, pick(p, "us-east-1-bos-1a", "us-east-1-wl1-bos-wlz-1") }},
		{"region: missing, with a zone of another Region", func(p *plan) { p.noRegion, p.zone = true, pick(p, "us-west-2-lax-1a", "eu-west-1b") }},
		{"region: missing, with a malformed zone", func(p *plan) {
			p.noRegion, p.zone = true, pick(p, "", "somewhere", "us-east-a", "us-east-1a\nus-east-1b", "us-east-1A", "us-east-1.example")
		}},
		{"region: another Region, for which the signer is named", func(p *plan) {
			p.region = pick(p, "us-gov-west-1", "ap-southeast-12", "eusc-de-east-1", "mx-central-1")
			p.nameSigner(signerName(p.region, p.domain))
		}},
		{"domain: that of another partition, for which the signer is named", func(p *plan) {
			p.domain = pick(p, "amazonaws.com.cn", "amazonaws.eu", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov")
			p.nameSigner(signerName(p.region, p.domain))
		}},
		{"domain: unknown domain", func(p *plan) { p.domain = pick(p, "", "attacker.example", "amazonaws.com.", "AMAZONAWS.COM") }},
		{"domain: unknown domain, for which the signer is named", func(p *plan) {
			p.domain = pick(p, "attacker.example", "amazonaws.com.attacker.example", "xamazonaws.com", "com", "amazonaws.com\nattacker.example", "")
			p.nameSigner(signerName(p.region, p.domain))
		}},
		{"instance: another instance", func(p *plan) { p.instance = "i-0fedcba9876543210" }},
		{"instance: another instance, for which keys may be pushed", func(p *plan) {
			p.instance = "i-0fedcba9876543210"
			for _, b := range p.blocks {
				b.set("Instance", pick(p, p.instance, ourInstance))
			}
		}},
	}
}
