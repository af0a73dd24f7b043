package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"eic/internal/sim"
	"eic/internal/sim/iam"
	"eic/internal/sim/service"
)

const serveAbout = `Runs the simulator until it is interrupted. By default it listens on loopback
only. When it is ready, it prints its addresses and files, one name=value per
line.

NOT FOR PRODUCTION: anybody who can reach it can push any key for any user. A
host that trusts its roots trusts everybody who can reach it.`

// serveFlags are the flags of serve, as given.
type serveFlags struct {
	options            sim.Options
	throttle           string
	requestLog, events string
	dir                string
	policy             string
	userKeys           []string
	endpoints, reach   []string
	secrets            []string
}

func (f *serveFlags) register(c *command) {
	where := c.group("Where")
	where.StringArrayVar(&f.options.IMDS, "imds", nil, "the metadata service listens on `ADDRESS`, host:port; may be repeated (default a free port on 127.0.0.1)")
	where.StringVar(&f.options.API, "api", "", "both APIs listen on `ADDRESS`, host:port (default a free port on 127.0.0.1)")
	where.StringVar(&f.options.Proxy, "proxy", "", "the proxy for AWS's host names listens on `ADDRESS`, host:port (default a free port on 127.0.0.1)")
	where.StringVar(&f.dir, "dir", "", "write root.pem, tls.pem and endpoints.json to `DIR`; endpoints.json exists while the simulator is ready (default a temporary directory, removed at the end)")

	what := c.group("What is simulated")
	what.StringVar(&f.options.InstanceID, "instance-id", sim.DefaultInstanceID, "`ID` of the instance")
	what.StringVar(&f.options.Region, "region", sim.DefaultRegion, "`REGION` of the instance")
	what.StringVar(&f.options.AvailabilityZone, "availability-zone", "", "Availability `ZONE` of the instance (default the region's zone a)")
	what.StringVar(&f.options.Domain, "domain", sim.DefaultDomain, "`DOMAIN` of AWS's services in that region")
	what.DurationVar(&f.options.TTL, "ttl", sim.DefaultTTL, "serve a pushed key for `DURATION`, rounded up to a whole second")
	what.StringArrayVar(&f.userKeys, "user-key", nil, "push a key at the start: `USER=FILE`, for USER the key in FILE; may be repeated")

	network := c.group("Where the instance is")
	network.StringVar(&f.options.PrivateIP, "private-ip", sim.DefaultPrivateIP, "private `ADDRESS` of the instance")
	network.StringVar(&f.options.PublicIP, "public-ip", "", "public `ADDRESS` of the instance (default none)")
	network.StringVar(&f.options.IPv6, "ipv6", "", "IPv6 `ADDRESS` of the instance (default none)")
	network.StringVar(&f.options.VPC, "vpc", sim.DefaultVPC, "`ID` of its VPC")
	network.StringVar(&f.options.Subnet, "subnet", sim.DefaultSubnet, "`ID` of its subnet")
	network.StringArrayVar(&f.endpoints, "endpoint", nil, "`ID[=SUBNET]`: the VPC has this EC2 Instance Connect Endpoint; may be repeated; \"none\" for no Endpoint (default "+sim.DefaultEndpoint+")")
	network.StringArrayVar(&f.reach, "reach", nil, "`ADDRESS=ADDRESS`, each with its port: tunnels to the first, an address of the instance, go to the second; may be repeated")

	who := c.group("Who may do what")
	who.StringVar(&f.options.Caller, "caller", sim.DefaultCaller, "`ARN` of the IAM principal that makes all calls")
	who.StringArrayVar(&f.secrets, "secret", nil, "`ID=SECRET[,ARN]`: calls signed with this access key are made by ARN, or else by --caller; may be repeated; other keys are refused (default: signatures are not verified)")
	who.StringVar(&f.policy, "policy", "", "allow callers what the IAM policy in `FILE` (JSON) allows (default everything)")

	wrong := c.group("What goes wrong")
	wrong.StringArrayVar(&f.options.Faults, "fault", nil, "simulate the fault `NAME`, one of those below; may be repeated")
	wrong.DurationVar(&f.options.Delay, "delay", 0, "the metadata service waits for `DURATION` before each answer")
	wrong.StringVar(&f.throttle, "throttle", "", "answer 503 to `PERCENT` of its requests, such as 30%")
	wrong.Uint64Var(&f.options.Seed, "seed", 0, "seed the random choice of these requests with `NUMBER`")
	wrong.StringVar(&f.options.APIError, "api-error", "", "the API answers every call with the error `CODE`: "+strings.Join(service.Errors(), ", "))

	log := c.group("What is recorded")
	log.StringVar(&f.events, "events", "", "append a line of JSON, like an event of CloudTrail, to `FILE` for each SendSSHPublicKey and OpenTunnel")
	log.StringVar(&f.requestLog, "request-log", "", "append a line of JSON to `FILE` for each request to the metadata service")
}

// check completes the options with flags that need more than parsing.
func (f *serveFlags) check() error {
	if f.throttle != "" {
		percent, err := strconv.ParseFloat(strings.TrimSuffix(f.throttle, "%"), 64)
		if err != nil {
			return fmt.Errorf("--throttle: %q is not a percentage", f.throttle)
		}
		f.options.Throttle = percent / 100
	}
	if f.options.TTL == 0 {
		return fmt.Errorf("--ttl: expected more than 0")
	}
	for _, pair := range f.userKeys {
		if user, file, _ := strings.Cut(pair, "="); user == "" || file == "" {
			return fmt.Errorf("--user-key: %q is not USER=FILE", pair)
		}
	}
	if err := f.checkNetwork(); err != nil {
		return err
	}
	if err := f.checkAccess(); err != nil {
		return err
	}
	return f.options.Check()
}

// checkNetwork parses the Endpoints and the targets of tunnels.
func (f *serveFlags) checkNetwork() error {
	f.options.Endpoints = f.endpoints
	if slices.Equal(f.endpoints, []string{"none"}) {
		f.options.Endpoints = []string{}
	}
	f.options.Reach = make(map[netip.AddrPort]string)
	for _, text := range f.reach {
		from, to, err := sim.ParseReach(text)
		if err != nil {
			return fmt.Errorf("--reach: %w", err)
		}
		f.options.Reach[from] = to
	}
	return nil
}

// checkAccess parses the secrets and the policy.
func (f *serveFlags) checkAccess() error {
	f.options.Principals = make(map[string]iam.Principal)
	for _, text := range f.secrets {
		id, rest, _ := strings.Cut(text, "=")
		secret, arn, _ := strings.Cut(rest, ",")
		if id == "" || secret == "" {
			return fmt.Errorf("--secret: expected ID=SECRET or ID=SECRET,ARN, got %q", text)
		}
		f.options.Principals[id] = iam.Principal{Secret: secret, ARN: arn}
	}
	if f.policy == "" {
		return nil
	}
	text, err := os.ReadFile(f.policy)
	if err == nil {
		f.options.Policy, err = iam.ParsePolicy(text)
	}
	if err != nil {
		return fmt.Errorf("--policy: %w", err)
	}
	return nil
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
	for name, log := range map[string]*io.Writer{f.requestLog: &f.options.RequestLog, f.events: &f.options.Events} {
		if name == "" {
			continue
		}
		file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return fmt.Errorf("opening a log: %w", err)
		}
		defer func() { _ = file.Close() }() // each line was written completely
		*log = file
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
	if err := publish(s, f.options, dir); err != nil {
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
