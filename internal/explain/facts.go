package explain

import (
	"strings"
	"time"

	"eic/internal/activekeys"
	"eic/internal/evidence"
	"eic/internal/instance"
	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/trust"
)

// facts are the values that advice is phrased with. A reader may paste its commands into
// a shell, so a value that does not have its expected form is replaced by a word in
// capitals.
type facts struct {
	now    time.Time
	user   string
	offset int64 // by which this machine's clock is ahead, in seconds

	instance, region string
	zone             string // "" if unknown
	// status and path are those of the last request of each stage.
	status map[metadata.Stage]int
	path   map[metadata.Stage]string
}

func newFacts(r evidence.Record, offset *int64) facts {
	f := facts{
		now: r.Evidence.Time, user: "USER", instance: "INSTANCE_ID", region: "REGION",
		status: map[metadata.Stage]int{}, path: map[metadata.Stage]string{},
	}
	if offset != nil {
		f.offset = *offset
	}
	if activekeys.ValidUser(r.Options.User) {
		f.user = r.Options.User
	}
	if instance.ValidID(r.Evidence.Instance) {
		f.instance = r.Evidence.Instance
	}
	zone := lookup.Line(r.Evidence.Zone)
	if region, ok := trust.RegionOfZone(zone); ok {
		f.region, f.zone = region, zone
	}
	if region := lookup.Line(r.Evidence.Region); trust.ValidRegion(region) {
		f.region = region
	}
	for _, x := range r.Requests {
		f.status[x.Stage] = x.Status
		f.path[x.Stage] = "PATH"
		if path, ok := strings.CutPrefix(x.Path, "/latest/meta-data/"); ok && plainPath(path) {
			f.path[x.Stage] = path
		}
	}
	return f
}

// plainPath reports whether no character of a path is special to a shell.
func plainPath(path string) bool {
	const plain = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_./@"
	return strings.Trim(path, plain) == ""
}
