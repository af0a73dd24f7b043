package sim

import (
	"time"

	"eic/internal/sim/ca"
	"eic/internal/sim/document"
	"eic/internal/sim/imds"
	"eic/internal/sim/service"
)

// world is everything that the metadata service will say, before it is made. A
// fault changes it.
type world struct {
	now     time.Time
	options Options
	// metadata are the plain values by path.
	metadata map[string]string
	// instance is what pushed keys name as their instance.
	instance string
	plan     *ca.Plan
	form     document.Form
	faults   imds.Faults
	ipv6Only bool
}

// Paths of the metadata tree, below /latest/meta-data/.
const (
	instancePath = "instance-id"
	regionPath   = "placement/region"
	zonePath     = "placement/availability-zone"
	domainPath   = "services/domain"
	chainPath    = "managed-ssh-keys/signer-cert"
	staplesPath  = "managed-ssh-keys/signer-ocsp"
)

// goodWorld is the one with nothing wrong.
func goodWorld(o Options) *world {
	now := time.Now()
	return &world{
		now:     now,
		options: o,
		metadata: map[string]string{
			instancePath: o.InstanceID,
			regionPath:   o.Region,
			zonePath:     o.AvailabilityZone,
			domainPath:   o.Domain,
		},
		instance: o.InstanceID,
		plan:     ca.Good(ca.SignerName(o.Region, o.Domain), now),
		faults:   imds.Faults{Stages: make(map[imds.Stage]imds.Kind)},
	}
}

// content makes what the metadata service says.
func (w *world) content(board *service.Board) (imds.Content, error) {
	pki, err := w.plan.Build(w.options.Keys)
	if err != nil {
		return imds.Content{}, err
	}
	values := map[string][]byte{chainPath: pki.Chain, staplesPath: pki.Listing}
	for path, value := range w.metadata {
		values[path] = []byte(value)
	}
	for name, text := range pki.Staples {
		values[staplesPath+"/"+name] = text
	}
	return imds.Content{Values: values, Keys: &activeKeys{
		board:    board,
		instance: w.instance,
		writer:   document.NewWriter(w.form, pki.SignerKey),
	}}, nil
}

// activeKeys turns pushed keys into the documents that are served.
type activeKeys struct {
	board    *service.Board
	instance string
	writer   *document.Writer
}

func (a *activeKeys) Users() []string { return a.board.Users() }

func (a *activeKeys) Document(user string) ([]byte, error) {
	var entries []document.Entry
	for _, p := range a.board.For(user) {
		entries = append(entries, document.NewEntry(p.Expiry, a.instance, p.Caller, p.RequestID, p.Key))
	}
	if len(entries) == 0 {
		return nil, nil
	}
	return a.writer.Document(entries)
}
