package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"eic/internal/authorize"
	"eic/internal/instance"
	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/trust"
)

// schema names the format of evidence.json. A format that an older program would misread
// must get another name.
const schema = "eic.evidence/1"

// form is the contents of evidence.json.
type form struct {
	Schema      string        `json:"schema"`
	Program     string        `json:"program"`
	Time        time.Time     `json:"time"`
	User        string        `json:"user"`
	Fingerprint string        `json:"fingerprint,omitempty"`
	Flags       Flags         `json:"terms"`
	Machine     machineForm   `json:"machine"`
	Requests    []requestForm `json:"requests,omitempty"`
	Staples     []stapleForm  `json:"staples,omitempty"`
	Failure     *Failure      `json:"failure,omitempty"`
}

// Flags are a Record's options as flags of eic(8). A zero field is a flag that was not
// given.
type Flags struct {
	TrustAnchors      string           `json:"trust_anchors"`
	NoInstanceCheck   bool             `json:"no_instance_check,omitempty"`
	InstanceID        string           `json:"instance_id,omitempty"`
	Partition         string           `json:"partition,omitempty"`
	Domains           []string         `json:"domains,omitempty"`
	DenyUsers         []string         `json:"deny_users,omitempty"`
	AllowUsers        []string         `json:"allow_users,omitempty"`
	RequireCallers    []string         `json:"require_callers,omitempty"`
	Allow             []authorize.Rule `json:"allow,omitempty"`
	KeyOptions        string           `json:"key_options,omitempty"`
	CallerEnvironment bool             `json:"caller_env,omitempty"`
}

// Flags returns the Record's options as flags.
func (r Record) Flags() Flags {
	p := r.Options.Policy
	return Flags{
		TrustAnchors: r.Anchors.Setting, NoInstanceCheck: r.AnyMachine,
		InstanceID: r.Options.InstanceID, Partition: r.Options.Partition, Domains: r.Options.Domains,
		DenyUsers: p.DenyUsers, AllowUsers: p.AllowUsers, RequireCallers: p.Callers, Allow: p.Rules,
		KeyOptions: p.KeyOptions, CallerEnvironment: p.CallerEnvironment,
	}
}

type machineForm struct {
	Platform   instance.Platform `json:"platform,omitempty"`
	InstanceID string            `json:"instance_id,omitempty"`
}

type requestForm struct {
	Stage    metadata.Stage `json:"stage"`
	Method   string         `json:"method"`
	Path     string         `json:"path"`
	Status   int            `json:"status,omitempty"`
	Bytes    int            `json:"bytes"`
	Start    time.Time      `json:"start"`
	Duration time.Duration  `json:"nanoseconds"`
	Date     time.Time      `json:"date,omitzero"`
	Error    string         `json:"error,omitempty"`
}

// stapleForm says why a staple is missing. Error is "" if the staple has a file.
type stapleForm struct {
	Error string `json:"error,omitempty"`
}

func (r Record) marshal() ([]byte, error) {
	f := form{
		Schema: schema, Program: r.Program, Time: r.Evidence.Time.UTC(),
		User: r.Options.User, Fingerprint: r.Options.Fingerprint,
		Flags:   r.Flags(),
		Machine: machineForm{r.Evidence.Identity.Platform, r.Evidence.Identity.ID},
		Failure: r.Failure,
	}
	for _, x := range r.Requests {
		f.Requests = append(f.Requests, requestForm{
			x.Stage, x.Method, x.Path, x.Status, x.Bytes, x.Start.UTC(), x.Duration, x.Date, text(x.Err),
		})
	}
	for _, s := range r.Evidence.Signer.Staples {
		f.Staples = append(f.Staples, stapleForm{text(s.Err)})
	}
	b, err := json.MarshalIndent(f, "", "  ")
	return append(b, '\n'), err
}

// unmarshal returns the Record without the parts that have their own files. For each
// staple it returns the error that replaces it, or nil if the staple has a file.
func unmarshal(b []byte) (Record, []error, error) {
	var version struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(b, &version); err != nil {
		return Record{}, nil, fmt.Errorf("parsing %s: %w", recordFile, err)
	}
	if version.Schema != schema {
		return Record{}, nil, fmt.Errorf("%s has the schema %.40q, expected %q", recordFile, version.Schema, schema)
	}
	var f form
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return Record{}, nil, fmt.Errorf("parsing %s: %w", recordFile, err)
	}
	missing := make([]error, len(f.Staples))
	for i, s := range f.Staples {
		missing[i] = asError(s.Error)
	}
	return f.record(), missing, nil
}

func (f form) record() Record {
	r := Record{
		Program: f.Program,
		Evidence: lookup.Evidence{
			Time:     f.Time,
			Identity: instance.Identity{Platform: f.Machine.Platform, ID: f.Machine.InstanceID},
			Signer:   trust.SignerEvidence{},
		},
		Options: lookup.Options{
			User: f.User, Fingerprint: f.Fingerprint,
			InstanceID: f.Flags.InstanceID, Partition: f.Flags.Partition, Domains: f.Flags.Domains,
			Policy: authorize.Policy{
				DenyUsers: f.Flags.DenyUsers, AllowUsers: f.Flags.AllowUsers, Callers: f.Flags.RequireCallers, Rules: f.Flags.Allow,
				KeyOptions: f.Flags.KeyOptions, CallerEnvironment: f.Flags.CallerEnvironment,
			},
		},
		AnyMachine: f.Flags.NoInstanceCheck,
		Anchors:    Anchors{Setting: f.Flags.TrustAnchors},
		Failure:    f.Failure,
	}
	for _, x := range f.Requests {
		r.Requests = append(r.Requests, metadata.Exchange{
			Stage: x.Stage, Method: x.Method, Path: x.Path, Status: x.Status, Bytes: x.Bytes,
			Start: x.Start, Duration: x.Duration, Date: x.Date, Err: asError(x.Error),
		})
	}
	return r
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func asError(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}
