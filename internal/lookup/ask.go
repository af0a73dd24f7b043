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
	"eic/internal/stack"
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

// Ask gathers the evidence that the question needs, and no more, and judges
// it, given that it is now the time now. With an error no key may be printed;
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
	if errors.Is(err, metadata.ErrNotFound) && stageOf(err) == metadata.StageActiveKeys {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	r.Result = Screen(*e, t)
	if !authorize.AnyUndecided(r.Result.Decisions) {
		return r, nil
	}
	var on ground
	var untrusted error
	missing, err := e.gather(ctx, client, func() { on, untrusted = e.ground(t, now.Add(time.Since(begun))) })
	if err == nil {
		err = untrusted
	}
	if err != nil {
		return r, err
	}
	e.Time = now.Add(time.Since(begun)) // what was valid before may not be any more
	err = r.Result.settleOn(on, *e)
	if err != nil && missing != nil {
		return r, missing // it says why
	}
	return r, err
}

func stageOf(err error) metadata.Stage {
	var failure *metadata.Error
	if errors.As(err, &failure) {
		return failure.Stage
	}
	return ""
}

// gather fetches all that the active keys have to be judged by, side by side, and
// calls judge when everything but the staples has come, which take a round trip more, or
// has failed. Each part is written by one goroutine alone. missing says which staple had
// not come when the context ended; the others may suffice.
func (e *Evidence) gather(ctx context.Context, client *metadata.Client, judge func()) (missing, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all, place sync.WaitGroup
	var once sync.Once
	var first error
	fetch := func(group *sync.WaitGroup, part func() error) {
		group.Go(func() {
			stack.Grow()
			if err := part(); err != nil {
				once.Do(func() { first = err })
				cancel()
			}
		})
	}
	var staples []trust.Staple // judge sees the rest of the evidence meanwhile
	fetch(&all, func() error {
		staples, missing = Staples(ctx, client)
		if staples == nil {
			return missing
		}
		return nil
	})
	if e.Instance == "" {
		fetch(&place, func() error {
			id, err := client.InstanceID(ctx)
			e.Instance = Line(id)
			return err
		})
	}
	fetch(&place, func() error { return e.gatherRegion(ctx, client) })
	fetch(&place, func() (err error) {
		e.Domain, err = client.Domain(ctx)
		return err
	})
	fetch(&place, func() (err error) {
		e.Signer.Chain, err = client.SignerCertificate(ctx)
		return err
	})
	place.Wait()
	judge()
	all.Wait()
	e.Signer.Staples = staples
	return missing, first
}

// gatherRegion falls back to the availability zone where the metadata service
// is too old to know its region.
func (e *Evidence) gatherRegion(ctx context.Context, client *metadata.Client) (err error) {
	e.Region, err = client.Region(ctx)
	if errors.Is(err, metadata.ErrNotFound) && stageOf(err) == metadata.StageRegion {
		e.Zone, err = client.AvailabilityZone(ctx)
	}
	return err
}

// maxStaples is how many staples are fetched, at most. There is one for each
// of three certificates; twice that were listed while their names changed.
const maxStaples = 16

// Staples fetches, side by side, the first 16 staples that the metadata service
// lists, and returns them in the order of the list. None of them is judged.
//
// One that cannot be had is kept with its error, as the others may suffice. So is
// one whose name is not 1 to 128 ASCII letters and digits, which is not asked for:
// the name becomes a part of a path.
//
// An error means that the list could not be had, or that the context has ended and
// not every staple is there, so that chance decided which of them are; these are then
// returned with it.
func Staples(ctx context.Context, client *metadata.Client) ([]trust.Staple, error) {
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
			stack.Grow()
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
