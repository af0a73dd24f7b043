package authorize

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"eic/internal/activekeys"
)

const (
	testInstance = "i-0123456789abcdef0"
	testCaller   = "arn:aws:iam::123456789012:user/alice"
)

var now = time.Unix(1767323045, 500e6)

// ed25519Key returns the key of 32 bytes of value 1.
func ed25519Key() ssh.PublicKey {
	key, err := ssh.NewPublicKey(ed25519.PublicKey(bytes.Repeat([]byte{1}, ed25519.PublicKeySize)))
	if err != nil {
		panic(err)
	}
	return key
}

func lineOf(key ssh.PublicKey) []byte { return bytes.TrimSpace(ssh.MarshalAuthorizedKey(key)) }

func entryOf(line []byte) activekeys.Entry {
	return activekeys.Entry{
		Line:      1,
		Timestamp: now.Unix() + 30,
		Instance:  testInstance,
		Caller:    testCaller,
		Key:       line,
		Signed:    append(bytes.Clone(line), '\n'),
		Signature: []byte("good"),
	}
}

func question() Criteria {
	return Criteria{User: "alice", Instance: testInstance, Now: now}
}

// signer accepts the signature "good".
type signer struct{}

func (signer) VerifySignature(_, signature []byte) error {
	if string(signature) != "good" {
		return errors.New("forged")
	}
	return nil
}

func decide(q Criteria, entries ...activekeys.Entry) []Decision {
	decisions := Screen(entries, q)
	Verify(decisions, testInstance, q.Now, signer{})
	return decisions
}

func TestEveryPlainKeyTypeIsPrinted(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	keys := []any{rsaKey.Public(), ed25519.PublicKey(make([]byte, 32))}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		require.NoError(t, err)
		keys = append(keys, key.Public())
	}
	var lines [][]byte
	for _, key := range keys {
		public, err := ssh.NewPublicKey(key)
		require.NoError(t, err)
		lines = append(lines, lineOf(public))
	}
	lines = append(lines, skLine("sk-ssh-ed25519@openssh.com", make([]byte, 32)),
		skLine("sk-ecdsa-sha2-nistp256@openssh.com", []byte("nistp256"), elliptic.Marshal(elliptic.P256(), elliptic.P256().Params().Gx, elliptic.P256().Params().Gy))) //nolint:staticcheck // the wire format is that of elliptic.Marshal
	for _, line := range lines {
		d := decide(question(), entryOf(line))[0]
		require.Equal(t, Printed, d.Reason, "%s: %v", line, d.Detail)
		require.True(t, ValidFingerprint(d.Fingerprint))
	}
}

// skLine returns a security-key line for the application "ssh:".
func skLine(name string, parts ...[]byte) []byte {
	return wireLine(name, append(parts, []byte("ssh:"))...)
}

// wireLine returns a key line of a type, with the given parts after it in the wire
// format.
func wireLine(name string, parts ...[]byte) []byte {
	var blob []byte
	for _, part := range append([][]byte{[]byte(name)}, parts...) {
		blob = binary.BigEndian.AppendUint32(blob, uint32(len(part)))
		blob = append(blob, part...)
	}
	return []byte(name + " " + base64.StdEncoding.EncodeToString(blob))
}

func TestPrintedLineIsUnchanged(t *testing.T) {
	plain := string(lineOf(ed25519Key()))
	for _, line := range []string{
		plain + " alice@laptop command=\"x\" ünïcode",
		strings.Replace(plain, " ", "\t \t", 1) + "\talice \t",
	} {
		d := decide(question(), entryOf([]byte(line)))[0]
		require.Equal(t, Printed, d.Reason)
		require.Equal(t, line, string(d.Line()))
	}
}

func TestUnsupportedKeyLines(t *testing.T) {
	plain := string(lineOf(ed25519Key()))
	blob := plain[len("ssh-ed25519 "):]
	for name, line := range map[string]string{
		"options before the key":              `command="/bin/sh" ` + plain,
		"restrict before the key":             "restrict " + plain,
		"cert-authority before the key":       "cert-authority " + plain,
		"certificate type with a plain key":   "ssh-ed25519-cert-v01@openssh.com " + blob,
		"plain key type with a certificate":   "ssh-ed25519 " + certificateBlob(t),
		"certificate":                         "ssh-ed25519-cert-v01@openssh.com " + certificateBlob(t),
		"stray bits at the end of the base64": withStrayBits(t),
		"number with leading zeros":           string(wireLine("ssh-rsa", []byte{0, 0, 1, 0, 1}, append(make([]byte, 2), bytes.Repeat([]byte{0x7f}, 256)...))),
		"type differs from the key's":         "ssh-rsa " + blob,
		"unknown type":                        "ssh-ed448 " + blob,
		"blanks before the type":              " " + plain,
		"missing key":                         "ssh-ed25519",
		"empty key":                           "ssh-ed25519 ",
		"truncated base64":                    "ssh-ed25519 " + blob[:len(blob)-4],
		"trailing data after the key":         "ssh-ed25519 " + blob + "AAAA",
		"two keys without a separator":        "ssh-ed25519 " + blob + blob,
		"header of a private key":             "-----BEGIN OPENSSH PRIVATE KEY-----",
		"type in capitals":                    "SSH-ED25519 " + blob,
		"comment line":                        "# " + plain,
		"only a blank":                        " ",
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(question(), entryOf([]byte(line)))[0]
			require.Equal(t, UnsupportedKey, d.Reason)
			require.Error(t, d.Detail)
			require.Empty(t, d.Fingerprint)
		})
	}
}

// withStrayBits returns a key line whose last base64 character has bits that do not
// belong to the key.
func withStrayBits(t *testing.T) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	public, err := ssh.NewPublicKey(private.Public())
	require.NoError(t, err)
	line, padded := strings.CutSuffix(string(lineOf(public)), "=")
	require.True(t, padded)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := len(line) - 1
	return line[:last] + string(alphabet[strings.IndexByte(alphabet, line[last])+1]) + "="
}

func certificateBlob(t *testing.T) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	authority, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	c := &ssh.Certificate{Key: ed25519Key(), CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	require.NoError(t, c.SignCert(rand.Reader, authority))
	return base64.StdEncoding.EncodeToString(c.Marshal())
}

func TestReasons(t *testing.T) {
	sha256 := ssh.FingerprintSHA256(ed25519Key())
	md5 := "MD5:" + ssh.FingerprintLegacyMD5(ed25519Key())
	otherSHA256 := "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for name, test := range map[string]struct {
		entry    func(*activekeys.Entry)
		question func(*Criteria)
		want     Reason
	}{
		"valid key":                                     {want: Printed},
		"fingerprint that sshd asked for":               {want: Printed, question: func(q *Criteria) { q.Fingerprint = sha256 }},
		"MD5 fingerprint that sshd asked for":           {want: Printed, question: func(q *Criteria) { q.Fingerprint = md5 }},
		"another fingerprint":                           {want: OtherFingerprint, question: func(q *Criteria) { q.Fingerprint = otherSHA256 }},
		"truncated MD5 fingerprint":                     {want: OtherFingerprint, question: func(q *Criteria) { q.Fingerprint = md5[:len(md5)-1] }},
		"malformed block":                               {want: Malformed, entry: func(e *activekeys.Entry) { e.Err = errors.New("no") }},
		"expired key":                                   {want: Expired, entry: func(e *activekeys.Entry) { e.Timestamp = now.Unix() - 1 }},
		"key at its expiry time":                        {want: Expired, entry: func(e *activekeys.Entry) { e.Timestamp = now.Unix() }},
		"key one second before its expiry time":         {want: Printed, entry: func(e *activekeys.Entry) { e.Timestamp = now.Unix() + 1 }},
		"largest Timestamp":                             {want: Printed, entry: func(e *activekeys.Entry) { e.Timestamp = 1<<63 - 1 }},
		"key for another instance":                      {want: OtherInstance, entry: func(e *activekeys.Entry) { e.Instance = "i-00000000" }},
		"key for an instance id with the same prefix":   {want: OtherInstance, entry: func(e *activekeys.Entry) { e.Instance = testInstance + "0" }},
		"key for another instance on Xen":               {want: OtherInstance, entry: func(e *activekeys.Entry) { e.Instance = "i-00000000" }, question: func(q *Criteria) { q.Instance = "" }},
		"forged signature":                              {want: BadSignature, entry: func(e *activekeys.Entry) { e.Signature = []byte("bad") }},
		"no signature":                                  {want: BadSignature, entry: func(e *activekeys.Entry) { e.Signature = nil }},
		"deny-user names the user":                      {want: UserDenied, question: deny("alice")},
		"deny-user matches the user's prefix":           {want: UserDenied, question: deny("al*")},
		"deny-user matches every user":                  {want: UserDenied, question: deny("*")},
		"deny-user names other users":                   {want: Printed, question: deny("root", "alic", "alicee", "bo*")},
		"allow-user names the user":                     {want: Printed, question: allow("root", "alice")},
		"allow-user names other users":                  {want: UserDenied, question: allow("root", "alicee")},
		"allow-user and deny-user name the user":        {want: UserDenied, question: func(q *Criteria) { allow("alice")(q); deny("alice")(q) }},
		"require-caller matches the caller":             {want: Printed, question: requireCaller("arn:aws:iam::123456789012:user/*")},
		"require-caller matches other callers":          {want: CallerDenied, question: requireCaller("arn:aws:iam::123456789012:role/ops-*")},
		"require-caller without a caller":               {want: CallerDenied, entry: func(e *activekeys.Entry) { e.Caller = "" }, question: requireCaller("*")},
		"a rule matches user and caller":                {want: Printed, question: rules("bob from *", "al* from arn:aws:iam::*:user/al?ce")},
		"the rule is for another user":                  {want: RuleDenied, question: rules("root from *")},
		"the rule is for another caller":                {want: RuleDenied, question: rules("alice from arn:aws:iam::*:role/*")},
		"one rule matches the user, another the caller": {want: RuleDenied, question: rules("alice from arn:aws:iam::*:role/*", "bob from "+testCaller)},
		"rules without a caller":                        {want: RuleDenied, entry: func(e *activekeys.Entry) { e.Caller = "" }, question: rules("* from *")},
		"no rule matches root":                          {want: RuleDenied, question: func(q *Criteria) { rules("alice from *")(q); q.User = "root" }},
		"a rule matches, but deny-user does too":        {want: UserDenied, question: func(q *Criteria) { rules("* from *")(q); deny("alice")(q) }},
		"a rule matches, but allow-user does not":       {want: UserDenied, question: func(q *Criteria) { rules("* from *")(q); allow("bob")(q) }},
		"a rule matches, but require-caller does not":   {want: CallerDenied, question: func(q *Criteria) { rules("* from *")(q); requireCaller("arn:aws:sts:*")(q) }},
	} {
		t.Run(name, func(t *testing.T) {
			entry, q := entryOf(lineOf(ed25519Key())), question()
			if test.entry != nil {
				test.entry(&entry)
			}
			if test.question != nil {
				test.question(&q)
			}
			d := decide(q, entry)[0]
			require.Equal(t, test.want, d.Reason, "%v", d.Detail)
			require.Equal(t, test.want == Printed, d.Detail == nil)
		})
	}
}

func deny(patterns ...string) func(*Criteria) {
	return func(q *Criteria) { q.Policy.DenyUsers = patterns }
}

func allow(patterns ...string) func(*Criteria) {
	return func(q *Criteria) { q.Policy.AllowUsers = patterns }
}

func requireCaller(patterns ...string) func(*Criteria) {
	return func(q *Criteria) { q.Policy.Callers = patterns }
}

func rules(texts ...string) func(*Criteria) {
	return func(q *Criteria) {
		q.Policy.Rules = nil
		for _, text := range texts {
			rule, err := ParseRule(text)
			if err != nil {
				panic(err)
			}
			q.Policy.Rules = append(q.Policy.Rules, rule)
		}
	}
}

// A trial of a policy names the lines that decided.
func TestPolicyTrialNamesTheDecidingTerms(t *testing.T) {
	var q Criteria
	rules("root from arn:aws:iam::*:role/ops", "al* from *")(&q)
	p := q.Policy
	p.DenyUsers, p.AllowUsers, p.Callers = []string{"bin", "sys*"}, []string{"root", "a*"}, []string{"arn:aws:iam:*", "*"}
	p.CallerEnvironment = true
	for _, try := range []struct {
		user, caller string
		want         Reason
		by           []Term
	}{
		{"alice", "arn:aws:sts::1:x", Undecided, []Term{{"allow-user", "a*"}, {"require-caller", "*"}, {"allow", "al* from *"}}},
		{"root", "arn:aws:iam::1:role/ops", Undecided, []Term{{"allow-user", "root"}, {"require-caller", "arn:aws:iam:*"}, {"allow", "root from arn:aws:iam::*:role/ops"}}},
		{"bin", testCaller, UserDenied, []Term{{"deny-user", "bin"}}},
		{"system", testCaller, UserDenied, []Term{{"deny-user", "sys*"}}},
		{"bob", testCaller, UserDenied, nil},
		{"alice", "", CallerDenied, nil},
		{"root", testCaller, RuleDenied, nil},
		{"alice", "arn:aws:iam::1:user/$x", CallerDenied, []Term{{"caller-env", "true"}}},
	} {
		got := p.Test(try.user, try.caller)
		require.Equal(t, try.want, got.Reason, try.user)
		require.Equal(t, try.by, got.By, try.user)
		require.Equal(t, try.want == Undecided, got.Detail == nil)
	}
	require.Equal(t, Ruling{}, Policy{}.Test("root", ""), "a policy without terms must allow everybody")
	require.EqualError(t, p.Test("root", testCaller).Detail, `user "root" and caller "`+testCaller+`" match none of allow ["root from arn:aws:iam::*:role/ops" "al* from *"]`)
}

func TestParseRule(t *testing.T) {
	for _, text := range []string{"", "root", "root from", "from arn:aws:*", "root arn:aws:*", "root FROM *", "root by *", "root from * *", "a b from *"} {
		_, err := ParseRule(text)
		require.ErrorContains(t, err, "is not of the form USER from ARN", "%q", text)
	}
	rule, err := ParseRule(" from\tfrom  * ")
	require.NoError(t, err)
	require.Equal(t, Rule{"from", "*"}, rule)
	require.Equal(t, "from from *", rule.String())
}

// The log names reasons, so each name must be unique.
func TestReasonNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for i := range reasonNames {
		name := Reason(i).String()
		require.Equal(t, reasonNames[i], name)
		require.NotEmpty(t, name)
		require.False(t, seen[name], name)
		seen[name] = true
	}
	require.Equal(t, "reason--1", Reason(-1).String())
	require.Equal(t, fmt.Sprintf("reason-%d", len(reasonNames)), Reason(len(reasonNames)).String())
}

func TestBadEntryDoesNotAffectOthers(t *testing.T) {
	good := entryOf(lineOf(ed25519Key()))
	bad := good
	bad.Signature = nil
	malformed := activekeys.Entry{Line: 9, Err: errors.New("no")}
	other := good
	other.Signed = append([]byte("#X=1\n"), good.Signed...)
	decisions := decide(question(), bad, good, malformed, other)
	require.Equal(t, []Reason{BadSignature, Printed, Malformed, Printed},
		[]Reason{decisions[0].Reason, decisions[1].Reason, decisions[2].Reason, decisions[3].Reason})
}

// If Screen refuses every key, the signer need not be fetched.
func TestScreenDecidesAboutKeysThatNeedNoSigner(t *testing.T) {
	for want, alter := range map[Reason]func(*activekeys.Entry){
		Expired:       func(e *activekeys.Entry) { e.Timestamp = now.Unix() },
		OtherInstance: func(e *activekeys.Entry) { e.Instance = "i-00000000" },
	} {
		entry := entryOf(lineOf(ed25519Key()))
		alter(&entry)
		decisions := Screen([]activekeys.Entry{entry}, question())
		require.Equal(t, want, decisions[0].Reason)
		require.False(t, AnyUndecided(decisions))
	}
}

func TestScreenPrintsNothing(t *testing.T) {
	decisions := Screen([]activekeys.Entry{entryOf(lineOf(ed25519Key()))}, question())
	require.Equal(t, Undecided, decisions[0].Reason)
	require.True(t, AnyUndecided(decisions))
	Verify(decisions, "", now, signer{})
	require.Equal(t, OtherInstance, decisions[0].Reason)
}

// An entry without an instance must not match an unknown instance.
func TestKeyWithoutInstanceDoesNotMatchAnUnknownInstance(t *testing.T) {
	entry, q := entryOf(lineOf(ed25519Key())), question()
	entry.Instance, q.Instance = "", ""
	decisions := Screen([]activekeys.Entry{entry}, q)
	Verify(decisions, "", now, signer{})
	require.Equal(t, OtherInstance, decisions[0].Reason)
}

func TestKeyThatExpiresWhileTheSignerIsFetched(t *testing.T) {
	entry := entryOf(lineOf(ed25519Key()))
	decisions := Screen([]activekeys.Entry{entry}, question())
	require.Equal(t, Undecided, decisions[0].Reason)
	Verify(decisions, testInstance, time.Unix(entry.Timestamp, 0), signer{})
	require.Equal(t, Expired, decisions[0].Reason)
}

func TestValidFingerprint(t *testing.T) {
	for s, want := range map[string]bool{
		"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA":  true,
		"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=": false,
		"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB":  false,
		"SHA256:AAAAAAAAAAAAAAAAAAAAA\nAAAAAAAAAAAAAAAAAAAAA": false,
		"SHA256:": false,
		"sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA":  false,
		"MD5:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff": true,
		"MD5:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF": false,
		"MD5:00112233445566778899aabbccddeeff":                false,
		"MD5:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:f":  false,
		"MD5:00a11a22a33a44a55a66a77a88a99aaaabbacca55aeeaff": false,
		"MD5:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:f:": false,
		"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff":     false,
		"":     false,
		"NONE": false,
	} {
		require.Equal(t, want, ValidFingerprint(s), "%q", s)
	}
}

func TestValidUserPattern(t *testing.T) {
	for pattern, want := range map[string]bool{
		"root": true, "svc-*": true, "*": true, "a@b": true,
		"": false, "**": false, "ro*t": false, "root ": false, "../x": false, "-x*": false,
	} {
		require.Equal(t, want, ValidUserPattern(pattern), "%q", pattern)
	}
}
