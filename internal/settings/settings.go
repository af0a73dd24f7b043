// Package settings holds what an administrator decides about keys, as one checked value.
//
// The value comes from /etc/eic/eic.conf, from the file that --config names, and from the
// flags of a command line. All three have the same names. Every command that looks up
// keys or decides about them uses this value, so sshd, "eic explain" and "eic doctor"
// always have the same settings. A setting that cannot be read or parsed is an error that
// says where the setting is, and no key is accepted.
package settings

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"eic/internal/audit"
	"eic/internal/authorize"
	"eic/internal/instance"
	"eic/internal/lookup"
	"eic/internal/metadata"
	"eic/internal/othercommand"
	"eic/internal/trust"
)

// Bounds of --budget.
const (
	defaultBudget = 5 * time.Second
	maxBudget     = time.Minute
)

// Settings are what an administrator decides. New creates them, Register binds them to
// flags, and they are valid once Read has returned nil.
type Settings struct {
	// Endpoint is the URL of the metadata service, or empty for its own
	// addresses.
	Endpoint string
	// AnyMachine looks up keys even if this machine is not an EC2 instance.
	AnyMachine bool
	// TrustAnchors is lookup.AnchorsAuto, lookup.AnchorsSystem or the name of a
	// file.
	TrustAnchors string
	// InstanceID is the only instance id accepted, and Partition the only AWS partition.
	// Empty means any.
	InstanceID, Partition string
	// Domains are accepted in addition to those of the AWS partitions.
	Domains []string
	// Policy holds the administrator's conditions for keys.
	Policy authorize.Policy
	// Chain is another AuthorizedKeysCommand to run as well. The zero Command means none.
	Chain othercommand.Command
	// RunAs is the user that a process of root becomes before it reads anything from the
	// network, or empty. The command of Chain still runs as root.
	RunAs string
	// Budget is the time limit for the whole answer.
	Budget time.Duration
	// LogTo is logSyslog or logStderr.
	LogTo string

	// File is the name of the file that --config gave, or empty.
	File string
	// Entries are the lines of the files, in the order in which they were read.
	Entries []Entry

	flags       *pflag.FlagSet
	given       []string
	chain       string
	rules       []string
	logFormat   string
	anchorsText []byte
	anchors     *x509.CertPool
}

// The values of LogTo.
const (
	logSyslog = "syslog"
	logStderr = "stderr"
)

// New returns the Settings of a host on which nothing was configured.
func New() *Settings {
	return &Settings{TrustAnchors: lookup.AnchorsAuto, Budget: defaultBudget, LogTo: logSyslog}
}

// Register adds the flags of s to those of a command.
func (s *Settings) Register(command *pflag.FlagSet) {
	flags := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	flags.SortFlags = false
	p := &s.Policy
	flags.StringVar(&s.Endpoint, "imds-endpoint", s.Endpoint, "use the metadata service at this `URL`, http://ADDRESS[:PORT], instead of IMDS's IPv4 and then IPv6 address")
	flags.BoolVar(&s.AnyMachine, "no-instance-check", s.AnyMachine, "look up keys even if this machine is not an EC2 instance (only with --imds-endpoint)")
	flags.StringVar(&s.TrustAnchors, "trust-anchors", s.TrustAnchors, "trust anchors of the signer (`auto|system|FILE`): the built-in Amazon roots for amazonaws.com and the system's store for other partitions; the system's store for all; or the PEM certificates in FILE")
	flags.StringVar(&s.InstanceID, "instance-id", s.InstanceID, "refuse every key if this instance is not `ID`")
	flags.StringVar(&s.Partition, "partition", s.Partition, "refuse every key if this instance is not in the AWS partition `NAME`, such as aws or aws-cn")
	flags.StringArrayVar(&s.Domains, "domain", s.Domains, "also accept a signer of the domain `NAME`, besides those of AWS (repeatable)")
	flags.StringArrayVar(&p.DenyUsers, "deny-user", p.DenyUsers, "refuse keys for the user `NAME`, which may end in * (repeatable)")
	flags.StringArrayVar(&p.AllowUsers, "allow-user", p.AllowUsers, "accept keys only for the user `NAME`, which may end in * (repeatable)")
	flags.StringArrayVar(&p.Callers, "require-caller", p.Callers, "accept only keys pushed by `ARN`, in which * and ? are wildcards (repeatable)")
	flags.StringArrayVar(&s.rules, allowFlag, nil, "accept only keys that a `RULE` allows; a RULE is 'USER from ARN', with wildcards as above (repeatable)")
	flags.StringVar(&p.KeyOptions, "key-options", p.KeyOptions, "put `OPTIONS` of sshd(8) before each printed key")
	flags.BoolVar(&p.CallerEnvironment, "caller-env", p.CallerEnvironment, "set EIC_CALLER and EIC_REQUEST in the session (needs PermitUserEnvironment in sshd_config)")
	flags.StringVar(&s.chain, chainFlag, "", "also run another AuthorizedKeysCommand, as '`COMMAND` %u', and print its keys after eic's")
	flags.StringVar(&s.RunAs, "run-as", s.RunAs, "when started as root, become the user `NAME` before anything is read from the network; the command of --chain still runs as root")
	flags.StringVar(&s.File, configFlag, "", "read more flags from `FILE`, one per line; only root may be able to write it")
	flags.DurationVar(&s.Budget, "budget", s.Budget, "time limit for the whole answer, `TIME`, at most 1m")
	flags.StringVar(&s.LogTo, "log", s.LogTo, "send events to the system log or to standard error (`syslog|stderr`)")
	flags.StringVar(&s.logFormat, logFormatFlag, "text", "write each event as a line for people or as a JSON object (`text|json`)")
	s.flags = flags
	command.AddFlagSet(flags)
}

// Names of flags that are handled specially.
const (
	allowFlag     = "allow"
	chainFlag     = "chain"
	configFlag    = "config"
	logFormatFlag = "log-format"
)

// validator returns a further check of one value of a flag, or nil if the flag's type
// checks enough.
func validator(flag string) func(value string) error {
	return map[string]func(string) error{
		"imds-endpoint":  orEmpty(checkEndpoint),
		"instance-id":    orEmpty(checkInstanceID),
		"partition":      orEmpty(checkPartition),
		"domain":         checkDomain,
		"deny-user":      checkUserPattern,
		"allow-user":     checkUserPattern,
		"require-caller": checkCaller,
		allowFlag:        checkRule,
		"key-options":    orEmpty(authorize.CheckKeyOptions),
		chainFlag:        orEmpty(checkChain),
		"budget":         checkBudget,
		"log":            checkOneOf(logSyslog, logStderr),
		logFormatFlag:    checkOneOf("text", "json"),
	}[flag]
}

// orEmpty accepts an empty value, which means that the flag was not given, and else
// applies check.
func orEmpty(check func(string) error) func(string) error {
	return func(v string) error {
		if v == "" {
			return nil
		}
		return check(v)
	}
}

func checkEndpoint(v string) error {
	_, err := metadata.ParseEndpoint(v)
	return err
}

func checkInstanceID(v string) error {
	if !instance.ValidID(v) {
		return fmt.Errorf("%q is not \"i-\" and 8 to 32 hexadecimal digits", v)
	}
	return nil
}

func checkPartition(v string) error {
	if trust.PartitionDomain(v) == "" {
		return fmt.Errorf("%q is not an AWS partition, expected one of %s", v, strings.Join(trust.Partitions(), ", "))
	}
	return nil
}

func checkDomain(v string) error {
	if !trust.ValidDomain(v) {
		return fmt.Errorf("%q is not a domain name in lower case, such as amazonaws.com", v)
	}
	return nil
}

func checkUserPattern(v string) error {
	if !authorize.ValidUserPattern(v) {
		return fmt.Errorf("%q matches no user that a key can be pushed for; expected a name, or a prefix and \"*\"", v)
	}
	return nil
}

// checkCaller refuses a pattern that matches no ARN of an IAM principal,
// arn:PARTITION:SERVICE::ACCOUNT:NAME.
func checkCaller(v string) error {
	literal, _, wild := strings.Cut(strings.ReplaceAll(v, "?", "*"), "*")
	fields := strings.Split(literal, ":")
	begins := [][]string{{"arn"}, {"aws"}, {"iam", "sts"}, {""}}
	good := (wild || len(fields) > 5) && !strings.ContainsAny(v, " \t")
	for i, choice := range begins[:min(len(begins), len(fields))] {
		cut := wild && i == len(fields)-1 // a wildcard replaces the rest of this field
		good = good && slices.ContainsFunc(choice, func(want string) bool {
			return fields[i] == want || i == 1 && strings.HasPrefix(fields[i], want+"-") || cut && strings.HasPrefix(want, fields[i])
		})
	}
	if !good {
		return fmt.Errorf("%q matches no ARN of an IAM principal; expected one like arn:aws:sts::123456789012:assumed-role/ops/*", v)
	}
	return nil
}

func checkRule(v string) error {
	rule, err := authorize.ParseRule(v)
	if err == nil {
		err = checkUserPattern(rule.User)
	}
	if err == nil {
		err = checkCaller(rule.Caller)
	}
	return err
}

func checkChain(v string) error {
	_, err := parseChain(v)
	return err
}

func checkBudget(v string) error {
	budget, err := time.ParseDuration(v)
	if err == nil && (budget <= 0 || budget > maxBudget) {
		err = fmt.Errorf("%s is not between 0 and %s", budget, maxBudget)
	}
	return err
}

func checkOneOf(one, other string) func(string) error {
	return func(v string) error {
		if v != one && v != other {
			return fmt.Errorf("%q is neither %s nor %s", v, one, other)
		}
		return nil
	}
}

func parseChain(v string) (othercommand.Command, error) {
	if v == "" {
		return othercommand.Command{}, nil
	}
	command, err := othercommand.Parse(v)
	if err == nil && command.IsThisProgram() {
		err = errors.New("the command is this program itself")
	}
	return command, err
}

// checkGiven checks each flag of the command line.
func (s *Settings) checkGiven() error {
	var first error
	s.eachGiven(func(flag *pflag.Flag, value string) {
		check := validator(flag.Name)
		if first != nil || check == nil {
			return
		}
		if err := check(value); err != nil {
			first = fmt.Errorf("--%s: %w", flag.Name, err)
		}
	})
	return first
}

// OpenLog returns the log that s asks for. It also works if s was not read completely, so
// that even an error in the command line is logged where it should be.
func (s *Settings) OpenLog(stderr io.Writer) audit.Log {
	format := audit.Text
	if s.logFormat == "json" {
		format = audit.JSON
	}
	if s.LogTo == logStderr {
		return audit.Writer{W: stderr, Format: format}
	}
	return audit.NewSystemLog(format, audit.Sockets()...)
}

// CheckPaths refuses relative file names. sshd runs its command in another directory,
// where they would mean other files.
func (s *Settings) CheckPaths() error {
	if s.anchorsInFile() && !filepath.IsAbs(s.TrustAnchors) {
		return fmt.Errorf("--trust-anchors: %q is neither auto, system nor an absolute path", s.TrustAnchors)
	}
	if s.File != "" && !filepath.IsAbs(s.File) {
		return fmt.Errorf("--config: %q is not an absolute path", s.File)
	}
	return nil
}

// CheckFingerprint checks the FINGERPRINT of a command line, if it is given.
func (s *Settings) CheckFingerprint(given bool, fingerprint string) error {
	switch {
	case given && !authorize.ValidFingerprint(fingerprint):
		return fmt.Errorf("the fingerprint is %q, expected SHA256:… or MD5:…, as in sshd's %%f", fingerprint)
	case !given && s.Chain.NeedsFingerprint():
		return errors.New("--chain: its command has %f, expected FINGERPRINT after USER, as in sshd's %f")
	}
	return nil
}

// Given returns the flags of s that were on the command line, each as one argument, in
// the order of Register, or nil.
func (s *Settings) Given() []string {
	return s.given
}

func (s *Settings) eachGiven(each func(flag *pflag.Flag, value string)) {
	s.flags.VisitAll(func(f *pflag.Flag) {
		if !f.Changed {
			return
		}
		values := []string{f.Value.String()}
		if list, isList := f.Value.(pflag.SliceValue); isList {
			values = list.GetSlice()
		}
		for _, value := range values {
			each(f, value)
		}
	})
}
