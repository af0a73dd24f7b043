package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"eic/internal/sim"
	"eic/internal/sim/service"
)

const serveAbout = `Runs the simulator until it is interrupted. It listens on loopback unless told
otherwise. When it is ready it prints its addresses and files, one name=value a
line.

NOT FOR PRODUCTION: whoever reaches it may push any key for any user, and whoever
trusts its roots trusts everybody who reaches it.`

// serveFlags are the flags of serve as they were given.
type serveFlags struct {
	options    sim.Options
	throttle   string
	requestLog string
	dir        string
	userKeys   []string
}

func (f *serveFlags) register(c *command) {
	where := c.group("Where")
	where.StringArrayVar(&f.options.IMDS, "imds", nil, "the metadata service listens on `ADDRESS`, host:port; may be repeated (default a free port on 127.0.0.1)")
	where.StringVar(&f.options.API, "api", "", "the API listens on `ADDRESS`, host:port (default a free port on 127.0.0.1)")
	where.StringVar(&f.dir, "dir", "", "root.pem and endpoints.json are written to `DIR`, the latter when it is ready and until it ends (default a temporary directory, removed at the end)")

	what := c.group("What is simulated")
	what.StringVar(&f.options.InstanceID, "instance-id", sim.DefaultInstanceID, "the instance has this `ID`")
	what.StringVar(&f.options.Region, "region", sim.DefaultRegion, "it is in `REGION`")
	what.StringVar(&f.options.AvailabilityZone, "availability-zone", "", "and in `ZONE` (default the region's zone a)")
	what.StringVar(&f.options.Domain, "domain", sim.DefaultDomain, "AWS's services are in `DOMAIN` there")
	what.StringVar(&f.options.Caller, "caller", sim.DefaultCaller, "keys are pushed by the IAM principal `ARN`")
	what.DurationVar(&f.options.TTL, "ttl", sim.DefaultTTL, "a pushed key is served for `DURATION`, rounded up to a whole second")
	what.StringArrayVar(&f.userKeys, "user-key", nil, "`USER=FILE`: the key in FILE is pushed for USER at the start; may be repeated")

	wrong := c.group("What goes wrong")
	wrong.StringArrayVar(&f.options.Faults, "fault", nil, "the fault `NAME`, out of those below; may be repeated")
	wrong.DurationVar(&f.options.Delay, "delay", 0, "the metadata service waits for `DURATION` before each answer")
	wrong.StringVar(&f.throttle, "throttle", "", "it answers 503 to `PERCENT`, as in 30%, of the requests")
	wrong.Uint64Var(&f.options.Seed, "seed", 0, "which ones is decided by a random sequence that starts at `NUMBER`")
	wrong.StringVar(&f.options.APIError, "api-error", "", "the API answers every call with the error `CODE`: "+strings.Join(service.Errors(), ", "))

	log := c.group("What is recorded")
	log.StringVar(&f.requestLog, "request-log", "", "a line of JSON for each request to the metadata service is appended to `FILE`")
}

// check completes the options from the flags that need more than parsing.
func (f *serveFlags) check() error {
	if f.throttle != "" {
		percent, err := strconv.ParseFloat(strings.TrimSuffix(f.throttle, "%"), 64)
		if err != nil {
			return fmt.Errorf("--throttle: %q is not a percentage", f.throttle)
		}
		f.options.Throttle = percent / 100
	}
	if f.options.TTL == 0 {
		return fmt.Errorf("--ttl: a key that lives for no time at all cannot be pushed")
	}
	for _, pair := range f.userKeys {
		if user, file, _ := strings.Cut(pair, "="); user == "" || file == "" {
			return fmt.Errorf("--user-key: %q is not USER=FILE", pair)
		}
	}
	return f.options.Check()
}

func runServe(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := command{name: "serve", about: serveAbout, after: faultsHelp()}
	var f serveFlags
	f.register(&c)
	if status, done := c.parse(args, stdout, stderr); done {
		return status
	}
	if err := f.check(); err != nil {
		return wrong(stderr, c.name, err)
	}
	if err := serve(ctx, f, stdout, stderr); err != nil {
		return failed(stderr, err)
	}
	return exitOK
}

// serve runs the simulator until ctx ends.
func serve(ctx context.Context, f serveFlags, stdout, stderr io.Writer) (err error) {
	if f.requestLog != "" {
		log, err := os.OpenFile(f.requestLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return fmt.Errorf("opening the request log: %w", err)
		}
		defer func() { _ = log.Close() }() // each line was written by itself
		f.options.RequestLog = log
	}
	dir, remove, err := directory(f.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	s, err := sim.Start(f.options)
	if err != nil {
		return err
	}
	defer s.Close()
	for _, pair := range f.userKeys {
		if err := pushFile(s, pair); err != nil {
			return err
		}
	}
	if err := publish(s, dir); err != nil {
		return err
	}
	fmt.Fprintln(stderr, "eic-sim: NOT FOR PRODUCTION: whoever reaches these addresses may push any key for any user")
	announce(s, f.options, dir, stdout)
	<-ctx.Done()
	return nil
}

// pushFile pushes the key in a file for a user, both given as USER=FILE.
func pushFile(s *sim.Sim, pair string) error {
	user, file, _ := strings.Cut(pair, "=")
	key, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the key to push for %q: %w", user, err)
	}
	if _, err := s.Push(user, string(key)); err != nil {
		return fmt.Errorf("pushing the key for %q: %w", user, err)
	}
	return nil
}
