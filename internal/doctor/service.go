package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"time"

	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/trust"
)

// Service is what the metadata service answered, or why it did not.
type Service struct {
	// ConnectError is why no connection came about.
	ConnectError string
	// TokenError is why there is no session token, and TokenSilent is set if
	// that is because no answer came over a connection that stood.
	TokenError  string
	TokenSilent bool
	// KeysError is why the user's active keys could not be had. That there are
	// none is no error.
	KeysError string
	// The plain answers. There is a Zone only if there is no Region.
	InstanceID, Region, Zone, Domain Answer
	// Accepted are the domains that are accepted, and DomainKnown is set if the
	// domain is one of them.
	Accepted    []string
	DomainKnown bool
	// SignerUntil is when the signer stops being trustworthy, or SignerError
	// why it is not. Without a region and a known domain there is neither.
	SignerUntil time.Time
	SignerError string
	// Clock is a comparison of clocks, or nil if no answer had a date.
	Clock *lookup.Clock
	// Addresses are those tried one by one.
	Addresses []Address
}

// Answer is one answer of one line.
type Answer struct {
	Text     string
	Error    string
	NotFound bool
}

// Address is one address of the metadata service.
type Address struct {
	URL   string
	Error string
	Took  time.Duration
}

// askService asks the metadata service for all that a login needs: a token and
// the user's keys first, and then the rest side by side, so that one answer
// that does not come costs no other.
func askService(ctx context.Context, a Asking) Service {
	var s Service
	var group sync.WaitGroup
	defer group.Wait()
	s.Addresses = make([]Address, len(a.Addresses))
	for i, url := range a.Addresses {
		group.Go(func() { s.Addresses[i] = tryAddress(ctx, url) })
	}
	var log exchanges
	options := a.Source.Metadata
	options.Observe = log.add
	client, err := metadata.Connect(ctx, options)
	if err != nil {
		s.ConnectError = cause(err)
		return s
	}
	defer client.Close()
	_, err = client.ActiveKeys(ctx, a.User)
	s.Clock = log.clock()
	var failure *metadata.Error
	switch {
	case errors.As(err, &failure) && failure.Stage == metadata.StageToken:
		s.TokenError, s.TokenSilent = cause(err), log.silent()
		return s
	case err != nil && !errors.Is(err, metadata.ErrNotFound):
		s.KeysError = cause(err)
	}
	s.askRest(ctx, a, client)
	s.Clock = log.clock()
	return s
}

// askRest asks for the place and the signer.
func (s *Service) askRest(ctx context.Context, a Asking, client *metadata.Client) {
	var e lookup.Evidence
	failed := map[metadata.Stage]error{}
	missing := e.Fetch(ctx, client, func(stage metadata.Stage, err error) { failed[stage] = err })
	s.InstanceID = answerOf([]byte(e.Instance), failed[metadata.StageInstanceID])
	s.Domain = answerOf(e.Domain, failed[metadata.StageDomain])
	s.Region = answerOf(e.Region, failed[metadata.StageRegion])
	if e.Zone != nil || failed[metadata.StageZone] != nil {
		s.Region.NotFound = true
		s.Zone = answerOf(e.Zone, failed[metadata.StageZone])
	}
	s.Accepted, s.DomainKnown = a.Domains, slices.Contains(a.Domains, s.Domain.Text)
	region := s.region()
	if region == "" || !s.DomainKnown {
		return
	}
	err := errors.Join(failed[metadata.StageSigner], failed[metadata.StageStapleList], missing)
	if err == nil {
		s.SignerUntil, err = verify(e.Signer, region, s.Domain.Text, a)
	}
	if err != nil {
		s.SignerError = err.Error()
	}
}

// region is the one that the metadata service named, or its zone lies in, or
// empty if that is no region.
func (s *Service) region() string {
	if s.Region.NotFound {
		region, _ := trust.RegionOfZone(s.Zone.Text)
		return region
	}
	if !trust.ValidRegion(s.Region.Text) {
		return ""
	}
	return s.Region.Text
}

func answerOf(body []byte, err error) Answer {
	if err != nil {
		return Answer{Error: cause(err), NotFound: errors.Is(err, metadata.ErrNotFound)}
	}
	return Answer{Text: lookup.Line(body)}
}

// cause is the text of an error without what was asked, which the check's title
// tells.
func cause(err error) string {
	var failure *metadata.Error
	if errors.As(err, &failure) {
		err = failure.Err
	}
	return err.Error()
}

// tryAddress gives one address as long to accept a connection as a login gives
// the first of several.
func tryAddress(ctx context.Context, url string) Address {
	ctx, cancel := context.WithTimeoutCause(ctx, metadata.ConnectTimeout, fmt.Errorf("no connection within %s", metadata.ConnectTimeout))
	defer cancel()
	start := time.Now()
	client, err := metadata.Connect(ctx, metadata.Options{Endpoint: url})
	a := Address{URL: url, Took: time.Since(start)}
	if err != nil {
		a.Error = cause(err)
		return a
	}
	client.Close()
	return a
}

// exchanges remembers each request.
type exchanges struct {
	mu   sync.Mutex
	made []metadata.Exchange
}

func (l *exchanges) add(x metadata.Exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made = append(l.made, x)
}

func (l *exchanges) clock() *lookup.Clock {
	l.mu.Lock()
	defer l.mu.Unlock()
	return lookup.CompareClocks(l.made)
}

// silent reports whether no token request had any answer, not even a refusal.
func (l *exchanges) silent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	tokens := 0
	for _, x := range l.made {
		if x.Stage != metadata.StageToken {
			continue
		}
		tokens++
		refused := errors.Is(x.Err, syscall.ECONNRESET) || errors.Is(x.Err, syscall.ECONNREFUSED) ||
			errors.Is(x.Err, syscall.EPIPE) || errors.Is(x.Err, io.EOF) || errors.Is(x.Err, io.ErrUnexpectedEOF)
		if x.Status != 0 || refused {
			return false
		}
	}
	return tokens != 0
}
