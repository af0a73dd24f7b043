package differential

// placeMutations are those of where the instance is said to be.
func placeMutations() []mutation {
	return []mutation{
		{"the region is another one", func(p *plan) { p.region = pick(p, "us-west-2", "eu-west-1", "us-east-2") }},
		{"the region is no region", func(p *plan) {
			p.region = pick(p, "", "us-east-1\n\n", "US-EAST-1", "us-east-1.elb", "us-east-1a", "*", "us-east-1\x00", "../us-east-1", "us--1")
			p.nameSigner(signerName(p.region, p.domain))
		}},
		{"the region ends in a newline", func(p *plan) { p.region += "\n" }},
		{"only the zone is known", func(p *plan) { p.noRegion = true }},
		{"only a zone within a city is known", func(p *plan) { p.noRegion, p.zone = true, pick(p, "us-east-1-bos-1a", "us-east-1-wl1-bos-wlz-1") }},
		{"only a zone elsewhere is known", func(p *plan) { p.noRegion, p.zone = true, pick(p, "us-west-2-lax-1a", "eu-west-1b") }},
		{"only a zone that is none is known", func(p *plan) {
			p.noRegion, p.zone = true, pick(p, "", "somewhere", "us-east-a", "us-east-1a\nus-east-1b", "us-east-1A", "us-east-1.example")
		}},
		{"the region is another one, and so is the signer's", func(p *plan) {
			p.region = pick(p, "us-gov-west-1", "ap-southeast-12", "eusc-de-east-1", "mx-central-1")
			p.nameSigner(signerName(p.region, p.domain))
		}},
		{"the domain is another partition's, and so is the signer's", func(p *plan) {
			p.domain = pick(p, "amazonaws.com.cn", "amazonaws.eu", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov")
			p.nameSigner(signerName(p.region, p.domain))
		}},
		{"the domain is nobody's", func(p *plan) { p.domain = pick(p, "", "attacker.example", "amazonaws.com.", "AMAZONAWS.COM") }},
		{"the domain is a stranger's, and so is the signer's", func(p *plan) {
			p.domain = pick(p, "attacker.example", "amazonaws.com.attacker.example", "xamazonaws.com", "com", "amazonaws.com\nattacker.example", "")
			p.nameSigner(signerName(p.region, p.domain))
		}},
		{"the instance is another one", func(p *plan) { p.instance = "i-0fedcba9876543210" }},
		{"the instance is another one, and so is a key's", func(p *plan) {
			p.instance = "i-0fedcba9876543210"
			for _, b := range p.blocks {
				b.set("Instance", pick(p, p.instance, ourInstance))
			}
		}},
	}
}
