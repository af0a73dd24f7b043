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
	// ConnectError says why the connection failed, or is empty.
	ConnectError string
	// TokenError says why there is no session token. TokenSilent is set if the connection
	// succeeded but no answer came.
	TokenError  string
	TokenSilent bool
	// KeysError says why the user's active keys could not be fetched. A user without
	// keys is no error.
	KeysError string
	// The plain answers. There is a Zone only if there is no Region.
	InstanceID, Region, Zone, Domain Answer
	// Accepted are the accepted domains. DomainKnown is set if the domain is one of them.
	Accepted    []string
	DomainKnown bool
	// SignerUntil is when the first certificate or staple of the signer expires. SignerError
	// says why the signer is not trusted. Without a Region and a known domain, both are empty.
	SignerUntil time.Time
	SignerError string
	// ClockOffset compares the clocks. It is nil if no answer had a date.
	ClockOffset *lookup.ClockOffset
	// Addresses are the addresses that were tried one by one.
	Addresses []Address
}

// Answer is the answer to one request, or the error. Text is its only line.
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

// askService requests everything that a login needs: first a token and the user's keys,
// then the rest in parallel. One missing answer does not affect the others.
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
	s.ClockOffset = log.clockOffset()
	var failure *metadata.Error
	switch {
	case errors.As(err, &failure) && failure.Stage == metadata.StageToken:
		s.TokenError, s.TokenSilent = cause(err), log.silent()
		return s
	case err != nil && !errors.Is(err, metadata.ErrNotFound):
		s.KeysError = cause(err)
	}
	s.askRest(ctx, a, client)
	s.ClockOffset = log.clockOffset()
	return s
}

// askRest requests the location and the signer's evidence.
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

// region returns the Region that the metadata service reports, or that of its zone, or ""
// if it is not valid.
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

// cause returns the text of an error without the name of the request, which the title of
// the check gives.
func cause(err error) string {
	var failure *metadata.Error
	if errors.As(err, &failure) {
		err = failure.Err
	}
	return err.Error()
}

// tryAddress connects to one address, with the time limit that a login has for the first
// of several addresses.
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

// exchanges records each request.
type exchanges struct {
	mu   sync.Mutex
	made []metadata.Exchange
}

func (l *exchanges) add(x metadata.Exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made = append(l.made, x)
}

func (l *exchanges) clockOffset() *lookup.ClockOffset {
	l.mu.Lock()
	defer l.mu.Unlock()
	return lookup.CompareClocks(l.made)
}

// silent reports whether no token request got any answer, not even a refusal.
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
