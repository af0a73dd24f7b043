package explain

import (
	"net/http"

	"eic/internal/metadata"
	"eic/internal/remedy"
)

// ofRequest is what to do about a request to the metadata service that failed.
func (f facts) ofRequest(stage metadata.Stage) (Remedy, bool) {
	switch stage {
	case metadata.StageConnect:
		return remedy.NoConnection(), true
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
func (f facts) ofToken() Remedy {
	this := remedy.Instance{ID: f.instance, Region: f.region}
	switch status := f.status[metadata.StageToken]; {
	case status == http.StatusForbidden:
		return this.TurnOn()
	case busy(status):
		return remedy.Throttled()
	case status == 0:
		return this.RaiseHopLimit()
	default:
		return remedy.NotIMDSv2()
	}
}

// ofData is what to do about any other request that failed.
func (f facts) ofData(stage metadata.Stage) Remedy {
	switch status := f.status[stage]; {
	case busy(status):
		return remedy.Throttled()
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

// byHand returns commands that ask for paths below /latest/meta-data/.
func (f facts) byHand(paths ...string) []string {
	commands := []string{"TOKEN=$(curl -sS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)"}
	for _, path := range paths {
		commands = append(commands, `curl -sS -i -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/`+path)
	}
	return commands
}
