// Package settings is what an administrator decides about keys, in one checked
// value.
//
// The value comes from /etc/eic/eic.conf, from the file that --config names, and
// from the flags of a command line, which are the same everywhere. Every command
// that asks or decides takes it: so that sshd, "eic explain" and "eic doctor" can
// never mean different things by the same words. What cannot be read or
// understood is an error that says where it stands, and nothing is decided.
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

// Settings are what an administrator decides. They come from New, are bound to
// flags by Register, and are good once Read has returned nil.
type Settings struct {
	// Endpoint is the URL of the metadata service, or empty for its own
	// addresses.
	Endpoint string
	// AnyMachine asks even if this machine is not an EC2 instance.
	AnyMachine bool
	// TrustAnchors is lookup.AnchorsAuto, lookup.AnchorsSystem or the name of a
	// file.
	TrustAnchors string
	// InstanceID is the only instance that this one may be, and Partition the only
	// AWS partition that it may be in. Either may be empty for any.
	InstanceID, Partition string
	// Domains are accepted besides those of AWS's partitions.
	Domains []string
	// Policy is what is demanded of a key beyond what EC2 Instance Connect does.
	Policy authorize.Policy
	// Chain is another AuthorizedKeysCommand to run as well. The zero Command
	// is none.
	Chain othercommand.Command
	// RunAs is the user that a process of root's becomes before anything is read from
	// the network, or empty for none. The command of Chain stays root's.
	RunAs string
	// Budget is how long the whole answer may take.
	Budget time.Duration
	// LogTo is logSyslog or logStderr.
	LogTo string

	// File is the name of the file that --config gave, or empty.
	File string
	// Entries are the lines that files contributed, in the order in which they
	// were read.
	Entries []Entry

	flags       *pflag.FlagSet
	given       []string
	chain       string
	rules       []string
	logFormat   string
	anchorsText []byte
	anchors     *x509.CertPool
}

// What LogTo can be.
const (
	logSyslog = "syslog"
	logStderr = "stderr"
)

// New returns the Settings of a host where nobody decided anything.
func New() *Settings {
	return &Settings{TrustAnchors: lookup.AnchorsAuto, Budget: defaultBudget, LogTo: logSyslog}
}

// Register adds the flags of s to those of a command.
func (s *Settings) Register(command *pflag.FlagSet) {
	flags := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	flags.SortFlags = false
	p := &s.Policy
	flags.StringVar(&s.Endpoint, "imds-endpoint", s.Endpoint, "ask the metadata service at this `URL`, http://ADDRESS[:PORT], instead of IMDS's IPv4 and then IPv6 address")
	flags.BoolVar(&s.AnyMachine, "no-instance-check", s.AnyMachine, "ask even if this machine is no EC2 instance (only with --imds-endpoint)")
	flags.StringVar(&s.TrustAnchors, "trust-anchors", s.TrustAnchors, "what the signer must chain to (`auto|system|FILE`): the built-in Amazon roots for amazonaws.com and the system's store for other partitions, the system's store for all, or the PEM certificates in FILE")
	flags.StringVar(&s.InstanceID, "instance-id", s.InstanceID, "refuse every key if this instance is not `ID`")
	flags.StringVar(&s.Partition, "partition", s.Partition, "refuse every key if this instance is not in the AWS partition `NAME`, such as aws or aws-cn")
	flags.StringArrayVar(&s.Domains, "domain", s.Domains, "accept a signer of the domain `NAME` besides AWS's own (repeatable)")
	flags.StringArrayVar(&p.DenyUsers, "deny-user", p.DenyUsers, "refuse keys for the user `NAME`, which may end in * (repeatable)")
	flags.StringArrayVar(&p.AllowUsers, "allow-user", p.AllowUsers, "refuse keys for any user but `NAME`, which may end in * (repeatable)")
	flags.StringArrayVar(&p.Callers, "require-caller", p.Callers, "refuse keys that any IAM principal but `ARN` pushed, in which * and ? are wildcards (repeatable)")
	flags.StringArrayVar(&s.rules, allowFlag, nil, "refuse keys that no `RULE` allows; a RULE is 'USER from ARN', with wildcards as above (repeatable)")
	flags.StringVar(&p.KeyOptions, "key-options", p.KeyOptions, "put `OPTIONS` of sshd(8) in front of each printed key")
	flags.BoolVar(&p.CallerEnvironment, "caller-env", p.CallerEnvironment, "set EIC_CALLER and EIC_REQUEST in the session (needs PermitUserEnvironment in sshd_config)")
	flags.StringVar(&s.chain, chainFlag, "", "run another AuthorizedKeysCommand as well, as '`COMMAND` %u', and print its keys after ours")
	flags.StringVar(&s.RunAs, "run-as", s.RunAs, "as root, run the command of --chain as root and become the user `NAME` before anything is read from the network")
	flags.StringVar(&s.File, configFlag, "", "read more flags from `FILE`, one a line; it must be root's and writable by nobody else")
	flags.DurationVar(&s.Budget, "budget", s.Budget, "`TIME` that the whole answer may take, at most 1m")
	flags.StringVar(&s.LogTo, "log", s.LogTo, "send events to the system log or to standard error (`syslog|stderr`)")
	flags.StringVar(&s.logFormat, logFormatFlag, "text", "write each event as a line for people or as a JSON object (`text|json`)")
	s.flags = flags
	command.AddFlagSet(flags)
}

// Names of the flags that are handled apart.
const (
	allowFlag     = "allow"
	chainFlag     = "chain"
	configFlag    = "config"
	logFormatFlag = "log-format"
)

// validator returns the check of one value of a flag that its type alone does
// not make good, or nil.
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

// orEmpty takes the empty value for a flag that was not given.
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
		return fmt.Errorf("%q can match no user that a key can be pushed for; expected a name, or a prefix and \"*\"", v)
	}
	return nil
}

// checkCaller refuses a pattern that can match no ARN of an IAM principal, which is
// arn:PARTITION:SERVICE::ACCOUNT:NAME.
func checkCaller(v string) error {
	literal, _, wild := strings.Cut(strings.ReplaceAll(v, "?", "*"), "*")
	fields := strings.Split(literal, ":")
	begins := [][]string{{"arn"}, {"aws"}, {"iam", "sts"}, {""}}
	good := (wild || len(fields) > 5) && !strings.ContainsAny(v, " \t")
	for i, choice := range begins[:min(len(begins), len(fields))] {
		cut := wild && i == len(fields)-1 // a wildcard stands for the rest of this field
		good = good && slices.ContainsFunc(choice, func(want string) bool {
			return fields[i] == want || i == 1 && strings.HasPrefix(fields[i], want+"-") || cut && strings.HasPrefix(want, fields[i])
		})
	}
	if !good {
		return fmt.Errorf("%q can match no ARN of an IAM principal; expected one like arn:aws:sts::123456789012:assumed-role/ops/*", v)
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

// checkGiven checks the flags of the command line, one by one.
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

// OpenLog returns the log that s wants, as far as s was read: where events go and
// how they are written must be known even of a command line that is wrong.
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

// CheckPaths refuses names of files that mean something else to sshd, which runs
// its command in another directory.
func (s *Settings) CheckPaths() error {
	if s.anchorsInFile() && !filepath.IsAbs(s.TrustAnchors) {
		return fmt.Errorf("--trust-anchors: %q is neither auto, system nor an absolute path", s.TrustAnchors)
	}
	if s.File != "" && !filepath.IsAbs(s.File) {
		return fmt.Errorf("--config: %q is not an absolute path", s.File)
	}
	return nil
}

// CheckFingerprint checks FINGERPRINT of a command line, as far as it is given.
func (s *Settings) CheckFingerprint(given bool, fingerprint string) error {
	switch {
	case given && !authorize.ValidFingerprint(fingerprint):
		return fmt.Errorf("the fingerprint is %q, expected SHA256:… or MD5:… as sshd's %%f gives it", fingerprint)
	case !given && s.Chain.NeedsFingerprint():
		return errors.New("--chain: its command has %f, expected FINGERPRINT behind USER, as sshd's %f gives it")
	}
	return nil
}

// Given returns the flags of s that stood on the command line, each as one
// argument, in the order of Register, or nil.
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
