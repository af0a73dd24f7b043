package explain

import (
	"net/http"

	"eic/internal/metadata"
	"eic/internal/remedy"
)

// requestRemedy returns the advice for a failed request to the metadata service.
func (f facts) requestRemedy(stage metadata.Stage) (Remedy, bool) {
	switch stage {
	case metadata.StageConnect:
		return remedy.NoConnection(), true
	case metadata.StageToken:
		return f.tokenRemedy(), true
	case metadata.StageActiveKeys, metadata.StageInstanceID, metadata.StageRegion, metadata.StageZone,
		metadata.StageDomain, metadata.StageSigner, metadata.StageStapleList, metadata.StageStaple:
		return f.dataRemedy(stage), true
	default:
		return Remedy{}, false
	}
}

// tokenRemedy returns the advice for a session token that could not be fetched.
func (f facts) tokenRemedy() Remedy {
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

// dataRemedy returns the advice for any other failed request.
func (f facts) dataRemedy(stage metadata.Stage) Remedy {
	switch status := f.status[stage]; {
	case busy(status):
		return remedy.Throttled()
	case status == http.StatusNotFound || status == http.StatusForbidden:
		return Remedy{Text: "The metadata service issues tokens, but does not serve this path. A metadata proxy for containers may allow only some paths, " +
			"or this Region may not have EC2 Instance Connect. Query the path by hand.",
			Commands: f.byHand(f.path[stage])}
	default:
		return Remedy{Text: "The answer was incomplete. Query the metadata service by hand. If that fails too, check the network, " +
			"and whether something on this host intercepts the metadata service's traffic.",
			Commands: f.byHand(f.path[stage])}
	}
}

func busy(status int) bool {
	return status == http.StatusTooManyRequests || status >= 500
}

// byHand returns commands that fetch paths below /latest/meta-data/.
func (f facts) byHand(paths ...string) []string {
	commands := []string{"TOKEN=$(curl -sS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)"}
	for _, path := range paths {
		commands = append(commands, `curl -sS -i -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/`+path)
	}
	return commands
}
