package lookup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"eic/internal/activekeys"
	"eic/internal/authorize"
	"eic/internal/instance"
	"eic/internal/metadata"
	"eic/internal/trust"
)

// Source says where the evidence comes from.
type Source struct {
	// Root is the root of the file system, with the machine's identity files.
	Root fs.FS
	// Metadata says which metadata service to use.
	Metadata metadata.Options
	// AnyMachine asks the metadata service even if the identity files are not EC2's, and
	// takes the instance id from it. It is for tests and simulators.
	AnyMachine bool
	// BeforeNetwork, if not nil, is called before the first connection. Its error ends
	// the lookup.
	BeforeNetwork func() error
}

// Answer is the evidence and the result of one lookup.
type Answer struct {
	Evidence Evidence
	Result   Result
}

// Ask fetches the evidence that the answer depends on, and decides about it as of the
// time now. It fetches only what is needed.
//
// If Ask returns an error, no key may be printed; the Answer then holds what was fetched
// and decided before the failure. For a user name that EC2 Instance Connect does not
// accept, and on a machine that is not an EC2 instance, there are no keys, and no request
// is sent.
func Ask(ctx context.Context, s Source, o Options, now time.Time) (Answer, error) {
	r := Answer{Evidence: Evidence{Time: now}}
	begun := time.Now()
	if !activekeys.ValidUser(o.User) {
		return r, nil
	}
	e := &r.Evidence
	var err error
	if e.Identity, err = instance.Identify(s.Root); err != nil {
		return r, err
	}
	if e.Identity.Platform == instance.None && !s.AnyMachine {
		return r, nil
	}
	if !s.AnyMachine {
		e.Instance = e.Identity.ID
	}
	if s.BeforeNetwork != nil {
		if err := s.BeforeNetwork(); err != nil {
			return r, err
		}
	}
	client, err := metadata.Connect(ctx, s.Metadata)
	if err != nil {
		return r, err
	}
	defer client.Close()
	e.ActiveKeys, err = client.ActiveKeys(ctx, o.User)
	if err != nil {
		return r, unlessNoKeys(err)
	}
	r.Result = Screen(*e, o)
	if !authorize.AnyUndecided(r.Result.Decisions) {
		return r, nil
	}
	missing, err := e.fetchAll(ctx, client)
	if err != nil {
		return r, err
	}
	e.Time = now.Add(time.Since(begun)) // a certificate or key may have expired since now
	err = r.Result.Verify(*e, o)
	if missing != nil && lacksGoodStaple(err) {
		return r, missing // a staple that could not be fetched explains it
	}
	return r, err
}

// unlessNoKeys returns the error of fetching the active keys, or nil if there are no
// keys.
func unlessNoKeys(err error) error {
	if errors.Is(err, metadata.ErrNotFound) && stageOf(err) == metadata.StageActiveKeys {
		return nil
	}
	return err
}

// lacksGoodStaple reports whether the signer was refused because a certificate of its path
// lacks a good staple. A certificate that a staple says is revoked lacks nothing.
func lacksGoodStaple(err error) bool {
	var failure *trust.Error
	return errors.As(err, &failure) && failure.Part == trust.PartRevocation && !errors.Is(err, trust.ErrRevoked)
}

func stageOf(err error) metadata.Stage {
	var failure *metadata.Error
	if errors.As(err, &failure) {
		return failure.Stage
	}
	return ""
}

// fetchAll is Fetch for a login, which needs every part: the first failure ends all
// requests.
func (e *Evidence) fetchAll(ctx context.Context, client *metadata.Client) (missing, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	missing = e.Fetch(ctx, client, func(_ metadata.Stage, failure error) {
		if err == nil {
			err = failure
		}
		cancel()
	})
	return missing, err
}

// Fetch fetches, in parallel, everything that Verify needs besides the active keys: the
// instance id if it is unknown, the Region or else the Availability Zone, the domain, the
// signer's certificate and the staples.
//
// For each part that could not be fetched, Fetch calls failed with the part's stage and
// an error of metadata.Client. The calls do not overlap. A metadata service without the
// path placement/region is not a failure.
//
// Fetch returns the error of a staple that was still missing when the context ended. The
// other staples may suffice.
func (e *Evidence) Fetch(ctx context.Context, client *metadata.Client, failed func(metadata.Stage, error)) (missing error) {
	var group sync.WaitGroup
	var one sync.Mutex
	fetch := func(stage metadata.Stage, part func() error) {
		group.Go(func() {
			if err := part(); err != nil {
				one.Lock()
				defer one.Unlock()
				failed(stage, err)
			}
		})
	}
	fetch(metadata.StageStapleList, func() (err error) {
		e.Signer.Staples, err = fetchStaples(ctx, client)
		if e.Signer.Staples == nil {
			return err
		}
		missing = err
		return nil
	})
	if e.Instance == "" {
		fetch(metadata.StageInstanceID, func() error {
			id, err := client.InstanceID(ctx)
			e.Instance = Line(id)
			return err
		})
	}
	fetch(metadata.StageRegion, func() (err error) {
		e.Region, err = client.Region(ctx)
		if !errors.Is(err, metadata.ErrNotFound) || stageOf(err) != metadata.StageRegion {
			return err
		}
		fetch(metadata.StageZone, func() (err error) {
			e.Zone, err = client.AvailabilityZone(ctx)
			return err
		})
		return nil
	})
	fetch(metadata.StageDomain, func() (err error) {
		e.Domain, err = client.Domain(ctx)
		return err
	})
	fetch(metadata.StageSigner, func() (err error) {
		e.Signer.Chain, err = client.SignerCertificate(ctx)
		return err
	})
	group.Wait()
	return missing
}

// maxStaples is the greatest number of staples fetched. Three certificates need one each;
// twice as many are listed while their names change.
const maxStaples = 16

// fetchStaples fetches, in parallel, the first 16 staples that the metadata service
// lists. It returns them unverified, in the order of the list.
//
// A staple that cannot be fetched is returned with its error, since the others may
// suffice. A staple whose name is not 1 to 128 ASCII letters and digits is not requested,
// because its name would become part of a URL path.
//
// fetchStaples returns an error if the list could not be fetched. It also returns an
// error, together with the staples, if the context ended while a staple was missing.
func fetchStaples(ctx context.Context, client *metadata.Client) ([]trust.Staple, error) {
	list, err := client.StapleList(ctx)
	if err != nil {
		return nil, err
	}
	names := bytes.Fields(list)
	staples := make([]trust.Staple, min(len(names), maxStaples))
	var group sync.WaitGroup
	for i := range staples {
		staples[i].Name = string(names[i])
		if !plainName(staples[i].Name) {
			staples[i].Err = errors.New("not requested, because its name is not 1 to 128 letters and digits")
			continue
		}
		group.Go(func() {
			staples[i].Body, staples[i].Err = client.Staple(ctx, staples[i].Name)
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		for _, s := range staples {
			if s.Err != nil && s.Body == nil {
				return staples, fmt.Errorf("staple %.80q: %w", s.Name, s.Err)
			}
		}
	}
	return staples, nil
}

func plainName(name string) bool {
	const plain = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	return len(name) >= 1 && len(name) <= 128 && strings.Trim(name, plain) == ""
}
