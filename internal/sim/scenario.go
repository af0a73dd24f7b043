package sim

import (
	"time"

	"eic/internal/sim/ca"
	"eic/internal/sim/document"
	"eic/internal/sim/imds"
	"eic/internal/sim/service"
)

// scenario is everything that the metadata service is going to serve. Faults edit it
// before the contents are generated.
type scenario struct {
	now     time.Time
	options Options
	// metadata are the plain values, by path.
	metadata map[string]string
	// instance is the instance that pushed keys name.
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

// goodScenario returns the scenario without faults.
func goodScenario(o Options) *scenario {
	now := time.Now()
	return &scenario{
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

// content generates what the metadata service serves.
func (w *scenario) content(board *service.Board) (imds.Content, error) {
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
