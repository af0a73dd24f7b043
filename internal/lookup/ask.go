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

// Source is where the evidence comes from.
type Source struct {
	// Root is the root of the file system, for the machine's identity.
	Root fs.FS
	// Metadata says which metadata service to ask.
	Metadata metadata.Options
	// AnyMachine asks the metadata service whatever the machine says of
	// itself, and takes the instance id from it. For tests and simulators.
	AnyMachine bool
	// BeforeNetwork, if set, is called before the first connection is made,
	// and its error ends the inquiry.
	BeforeNetwork func() error
}

// Answer is how one inquiry went.
type Answer struct {
	Evidence Evidence
	Result   Result
}

// Ask fetches the evidence that the question needs, and no more, and decides
// on it as of the time now. With an error no key may be printed;
// the Answer then has what was gathered and decided before it.
//
// A user name that cannot have a key, and a machine that is no EC2 instance,
// have no keys, and nobody is asked.
func Ask(ctx context.Context, s Source, t Terms, now time.Time) (Answer, error) {
	r := Answer{Evidence: Evidence{Time: now}}
	begun := time.Now()
	if !activekeys.ValidUser(t.User) {
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
	e.ActiveKeys, err = client.ActiveKeys(ctx, t.User)
	if err != nil {
		return r, unlessNoKeys(err)
	}
	r.Result = Screen(*e, t)
	if !authorize.AnyUndecided(r.Result.Decisions) {
		return r, nil
	}
	missing, err := e.fetchAll(ctx, client)
	if err != nil {
		return r, err
	}
	e.Time = now.Add(time.Since(begun)) // what was valid before may not be any more
	err = r.Result.Settle(*e, t)
	if missing != nil && lacksStatus(err) {
		return r, missing // it says why
	}
	return r, err
}

// unlessNoKeys returns an error of asking for the active keys, or nil if it says that
// there are none.
func unlessNoKeys(err error) error {
	if errors.Is(err, metadata.ErrNotFound) && stageOf(err) == metadata.StageActiveKeys {
		return nil
	}
	return err
}

// lacksStatus reports whether the signer was refused for want of good staples.
func lacksStatus(err error) bool {
	var failure *trust.Error
	return errors.As(err, &failure) && failure.Part == trust.PartStatus
}

func stageOf(err error) metadata.Stage {
	var failure *metadata.Error
	if errors.As(err, &failure) {
		return failure.Stage
	}
	return ""
}

// fetchAll is Fetch for a login, which needs every part: the first error ends it.
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

// Fetch fetches, in parallel, everything that the active keys are verified with: the
// instance id if it is not known, the Region or else the Availability Zone, the domain,
// the signer's certificate and the staples. It calls failed for each part that could not
// be had, with the part's stage and an error of metadata.Client, and never twice at a
// time. A metadata service without the path placement/region is no failure.
//
// missing is the error of a staple that had not come when the context ended; the other
// staples may suffice.
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

// maxStaples is how many staples are fetched, at most. There is one for each
// of three certificates; twice that were listed while their names changed.
const maxStaples = 16

// fetchStaples fetches, in parallel, the first 16 staples that the metadata service
// lists, and returns them in the order of the list. None of them is verified.
//
// One that cannot be had is kept with its error, as the others may suffice. So is
// one whose name is not 1 to 128 ASCII letters and digits, which is not asked for:
// the name becomes a part of a path.
//
// An error means that the list could not be had, or that the context has ended and
// not every staple is there, so that chance decided which of them are; these are then
// returned with it.
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
			staples[i].Err = errors.New("its name is not 1 to 128 letters and digits, so it was not asked for")
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
