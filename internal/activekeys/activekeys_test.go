package activekeys

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	headers = "#Timestamp=1689345286\n" +
		"#Instance=i-0a3d2c84bcffb603b\n" +
		"#Caller=arn:aws:iam::123456789012:user/eictest-user\n" +
		"#Request=f2e7c3d9-ef92-4b1a-8e50-823e4a3ba085\n"
	key   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOy89h alice@example\n"
	good  = headers + key + "c2lnbmF0dXJl\n"
	other = "#Timestamp=1\n#Instance=i-00000000\nssh-rsa AAAA\nb3RoZXI=\n"
)

func TestParseReadsEveryPartOfABlock(t *testing.T) {
	entries := Parse([]byte(good))
	require.Equal(t, []Entry{{
		Line:      1,
		Timestamp: 1689345286,
		Instance:  "i-0a3d2c84bcffb603b",
		Caller:    "arn:aws:iam::123456789012:user/eictest-user",
		Request:   "f2e7c3d9-ef92-4b1a-8e50-823e4a3ba085",
		Key:       []byte(strings.TrimSuffix(key, "\n")),
		Signed:    []byte(headers + key),
		Signature: []byte("signature"),
	}}, entries)
}

// The block must be parsed whatever is around it.
func TestBlockIsParsed(t *testing.T) {
	for name, document := range map[string]string{
		"wrapped signature":                  headers + key + "c2ln\nbmF0\ndXJl\n",
		"missing last newline":               strings.TrimSuffix(good, "\n"),
		"blank lines before it":              "\n\n \n\t\n" + good,
		"garbage before it":                  "hello\n<html>\n" + good,
		"garbage and a blank line before it": "\x00\xff\r\n\n" + good,
		"garbage after its signature":        good + "<!-- end -->\n",
		"key without headers before it":      key + "c2lnbmF0dXJl\n\n" + good,
		"another block right before it":      other + good,
		"block without a key before it":      headers + "\n" + good,
		"block with CRLF before it":          strings.ReplaceAll(good, "\n", "\r\n") + "\n" + good,
	} {
		t.Run(name, func(t *testing.T) {
			var ok []Entry
			for _, e := range Parse([]byte(document)) {
				if e.Err == nil && e.Timestamp != 1 {
					ok = append(ok, e)
				}
			}
			require.Len(t, ok, 1)
			require.Equal(t, headers+key, string(ok[0].Signed))
			require.Equal(t, "signature", string(ok[0].Signature))
		})
	}
}

// Key lines come from users' files, and are signed unchanged but for a carriage return at
// the end.
func TestKeyLineKeepsBlanks(t *testing.T) {
	for name, line := range map[string]struct{ came, want string }{
		"tabs between the fields":      {"ssh-rsa\tAAAA\t \tcomment", "ssh-rsa\tAAAA\t \tcomment"},
		"blanks after the comment":     {"ssh-rsa AAAA a b \t ", "ssh-rsa AAAA a b \t "},
		"blanks in place of a comment": {"ssh-rsa AAAA \t", "ssh-rsa AAAA \t"},
		"CR after the comment":         {"ssh-rsa AAAA a\r", "ssh-rsa AAAA a"},
		"CR after the key":             {"ssh-rsa AAAA\r", "ssh-rsa AAAA"},
		"CR after blanks":              {"ssh-rsa AAAA a \t\r", "ssh-rsa AAAA a \t"},
	} {
		t.Run(name, func(t *testing.T) {
			entries := Parse([]byte(headers + line.came + "\nc2ln\n"))
			require.Len(t, entries, 1)
			require.NoError(t, entries[0].Err)
			require.Equal(t, line.want, string(entries[0].Key))
			require.Equal(t, headers+line.came+"\n", string(entries[0].Signed))
		})
	}
}

func TestBlanksAroundEqualsStayInTheSignedBytes(t *testing.T) {
	signed := "#Timestamp =1\n#Instance\t=\ti-00000000\n#Caller = arn\n" + key
	entries := Parse([]byte(signed + "c2ln\n"))
	require.Len(t, entries, 1)
	require.NoError(t, entries[0].Err)
	require.Equal(t, signed, string(entries[0].Signed))
	require.Equal(t, "i-00000000", entries[0].Instance)
	require.Equal(t, "arn", entries[0].Caller)
}

func TestUnknownHeadersAreSignedAndOtherwiseIgnored(t *testing.T) {
	signed := headers + "#Some-Day=later=on\n" + key
	entries := Parse([]byte(signed + "c2ln\n"))
	require.Len(t, entries, 1)
	require.NoError(t, entries[0].Err)
	require.Equal(t, signed, string(entries[0].Signed))
}

// Each document has one refused block. The good block after it must be parsed.
func TestBlockIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ block, reason string }{
		"two CR after the key line":      {headers + strings.TrimSuffix(key, "\n") + "\r\r\nc2ln\n", "control characters"},
		"CR within the key line":         {headers + "ssh-rsa\rAAAA\nc2ln\n", "control characters"},
		"NUL in the key line":            {headers + "ssh-rsa AA\x00AA\nc2ln\n", "control characters"},
		"escape sequence in the comment": {headers + "ssh-rsa AAAA \x1b]0;x\x07\nc2ln\n", "control characters"},
		"C1 control in the comment":      {headers + "ssh-rsa AAAA \u009b31m\nc2ln\n", "control characters"},
		"tab in the comment":             {headers + "ssh-rsa AAAA a\tb\nc2ln\n", "control characters"},
		"key line that is not UTF-8":     {headers + "ssh-rsa AAAA \xff\nc2ln\n", "not UTF-8"},
		"key line too long":              {headers + "ssh-rsa " + strings.Repeat("A", maxKeyLine) + "\nc2ln\n", "longer than 8192"},
		"control character in a header":  {"#Caller=a\x1bb\n" + good, "Caller header has control"},
		"two Timestamps":                 {"#Timestamp=9999999999\n" + good, "two Timestamp headers"},
		"two Instances":                  {"#Instance=i-00000000\n" + good, "two Instance headers"},
		"two of an unknown header":       {"#X=1\n#X=1\n" + good, "two X headers"},
		"header without equals":          {"#Timestamp\n" + good, "not of the form"},
		"header without a name":          {"#=1\n" + good, "header name"},
		"blank after the number sign":    {"# Timestamp=1\n", "header name"},
		"too many headers":               {manyHeaders(33) + good, "more than 32"},
		"no Timestamp":                   {"#Instance=i-00000000\n" + key + "c2ln\n", "no Timestamp"},
		"no Instance":                    {"#Timestamp=1\n" + key + "c2ln\n", "no Instance"},
		"empty Instance":                 {"#Timestamp=1\n#Instance=\n" + key + "c2ln\n", "no Instance"},
		"no key":                         {headers, "no public key"},
		"no signature":                   {headers + key, "no base64 signature"},
		"no signature and no newline":    {headers + strings.TrimSuffix(key, "\n"), "no base64 signature"},
		"two keys":                       {headers + key + key + "c2ln\n", "no base64 signature"},
		"signature that is not base64":   {headers + key + "c2ln!\n", "no base64 signature"},
		"signature of a wrong length":    {headers + key + "c2lnb\n", "decoding the signature"},
		"signature with stray bits":      {headers + key + "c2lnbnB=\n", "decoding the signature"},
		"signature line too long":        {headers + key + strings.Repeat("AAAA", 600) + "\n", "longer than 2048"},
		"signature of too many lines":    {headers + key + strings.Repeat("AAAA\n", 60000), "longer than 2048"},
	} {
		t.Run(name, func(t *testing.T) {
			entries := Parse([]byte(test.block + "\n\n" + good))
			require.Len(t, entries, 2)
			require.ErrorContains(t, entries[0].Err, test.reason)
			require.Empty(t, entries[0].Key)
			require.Empty(t, entries[0].Signed)
			require.Empty(t, entries[0].Signature)
			require.Zero(t, entries[0].Timestamp)
			require.NoError(t, entries[1].Err)
		})
	}
}

// A block at a bound is accepted, and one beyond it is refused.
func TestBoundsOfABlock(t *testing.T) {
	two := "#Timestamp=1\n#Instance=i-00000000\n"
	longest := "ssh-rsa " + strings.Repeat("A", maxKeyLine-len("ssh-rsa "))
	for name, test := range map[string]struct{ block, reason string }{
		"32 headers":                                 {manyHeaders(maxHeaders-2) + two + key + "c2ln\n", ""},
		"33 headers":                                 {manyHeaders(maxHeaders-1) + two + key + "c2ln\n", "more than 32"},
		"key line of 8192 bytes":                     {two + longest + "\nc2ln\n", ""},
		"key line of 8193 bytes":                     {two + longest + "A\nc2ln\n", "longer than 8192"},
		"signature of 2048 characters in one line":   {two + key + strings.Repeat("AAAA", maxSignature/4), ""},
		"signature of 2048 characters in many lines": {two + key + strings.Repeat("AAAA\n", maxSignature/4), ""},
		"signature of 2049 characters in one line":   {two + key + strings.Repeat("A", maxSignature+1), "longer than 2048"},
		"signature of 2049 characters in many lines": {two + key + strings.Repeat("AAAA\n", maxSignature/4) + "A\n", "longer than 2048"},
		"every character of a header name":           {two + "#azAZ09-_=1\n" + key + "c2ln\n", ""},
		"every character of a signature":             {two + key + "azAZ09+/\nYQ==\n", ""},
		"header name with the character before a":    {two + "#`=1\n" + key + "c2ln\n", "header name"},
		"header name with the character after z":     {two + "#{=1\n" + key + "c2ln\n", "header name"},
		"header name with the character before A":    {two + "#@=1\n" + key + "c2ln\n", "header name"},
		"header name with the character after Z":     {two + "#[=1\n" + key + "c2ln\n", "header name"},
		"header name with the character before 0":    {two + "#/=1\n" + key + "c2ln\n", "header name"},
		"header name with the character after 9":     {two + "#:=1\n" + key + "c2ln\n", "header name"},
		"signature with the character before a":      {two + key + "c`ln\n", "no base64 signature"},
		"signature with the character after z":       {two + key + "c{ln\n", "no base64 signature"},
		"signature with the character before A":      {two + key + "c@ln\n", "no base64 signature"},
		"signature with the character after Z":       {two + key + "c[ln\n", "no base64 signature"},
		"signature with the character before 0":      {two + key + "c.ln\n", "no base64 signature"},
		"signature with the character after 9":       {two + key + "c:ln\n", "no base64 signature"},
	} {
		t.Run(name, func(t *testing.T) {
			entries := Parse([]byte(test.block))
			require.Len(t, entries, 1)
			if test.reason == "" {
				require.NoError(t, entries[0].Err)
				return
			}
			require.ErrorContains(t, entries[0].Err, test.reason)
		})
	}
}

// An Entry has the number of its block's first line.
func TestLineNumbers(t *testing.T) {
	entries := Parse([]byte("<html>\n\n" + good + "\n" + headers + "\n\n" + other))
	var lines []int
	for _, e := range entries {
		lines = append(lines, e.Line)
	}
	require.Equal(t, []int{3, 10, 16}, lines)
}

// SplitKey splits a key line as sshd does.
func TestSplitKey(t *testing.T) {
	for line, want := range map[string][3]string{
		"ssh-rsa AAAA a b":   {"ssh-rsa", "AAAA", "a b"},
		"ssh-rsa\t AAAA \t":  {"ssh-rsa", "AAAA", ""},
		"ssh-rsa":            {"ssh-rsa", "", ""},
		" ssh-rsa AAAA":      {"", "ssh-rsa", "AAAA"},
		"":                   {"", "", ""},
		"ssh-rsa AAAA  a  b": {"ssh-rsa", "AAAA", "a  b"},
	} {
		kind, blob, comment := SplitKey([]byte(line))
		require.Equal(t, want, [3]string{string(kind), string(blob), string(comment)}, "%q", line)
	}
}

func TestTimestampIsRefused(t *testing.T) {
	for name, value := range map[string]string{
		"empty":             "",
		"zero":              "0",
		"negative":          "-1",
		"signed":            "+1689345286",
		"leading zero":      "01689345286",
		"hexadecimal":       "0x64b16e46",
		"fraction":          "1689345286.5",
		"exponent":          "1e12",
		"underscores":       "1_689_345_286",
		"past 64 bits":      "9223372036854775808",
		"blank inside":      "1689 345286",
		"blank after":       "1689345286 ",
		"full-width digits": "１６８９",
	} {
		t.Run(name, func(t *testing.T) {
			entries := Parse([]byte("#Timestamp=" + value + "\n#Instance=i-00000000\n" + key + "c2ln\n"))
			require.Len(t, entries, 1)
			require.ErrorContains(t, entries[0].Err, "is not a plain positive number")
		})
	}
}

func TestEmptyDocumentHasNoKeys(t *testing.T) {
	for _, document := range []string{"", "\n", " \t\r\n"} {
		require.Empty(t, Parse([]byte(document)), "%q", document)
	}
}

func TestDocumentWithoutBlocksIsAnError(t *testing.T) {
	for _, document := range []string{"\x00", "<html>\n\n</html>", key, "c2ln\n", " #Timestamp=1\n"} {
		require.Equal(t, []Entry{{Line: 1, Err: errNoBlock}}, Parse([]byte(document)), "%q", document)
	}
}

func TestNumberOfBlocksIsLimited(t *testing.T) {
	entries := Parse([]byte(strings.Repeat(other+"\n", maxEntries+10)))
	require.Len(t, entries, maxEntries+1)
	require.ErrorIs(t, entries[maxEntries].Err, errTooMany)
	require.NoError(t, entries[maxEntries-1].Err)
}

// An attacker may choose up to a mebibyte of input. The test compares the time for a
// document with the time for one that is 16 times as long. Quadratic time would grow by a
// factor of 256.
func TestHostileDocumentsTakeLinearTime(t *testing.T) {
	const size, times = 64 << 10, 16
	for name, unit := range map[string]string{
		"number signs":  "#\n",
		"blank lines":   "\n",
		"one line":      "#",
		"header lines":  "#A=1\n",
		"base64 lines":  "AAAA\n",
		"empty blocks":  "#A=1\n\n",
		"blocks":        good + "\n",
		"blanks":        " ",
		"wide unicode":  "\u2028",
		"carriage runs": "\r",
	} {
		t.Run(name, func(t *testing.T) {
			short := bytes.Repeat([]byte(unit), size/len(unit))
			long := bytes.Repeat(short, times)
			require.Less(t, leastTime(t, func() { Parse(long) }), 6*times*leastTime(t, func() { Parse(short) })+time.Millisecond)
		})
	}
}

// leastTime returns the least processor time of a few runs. Other work on the machine
// disturbs it least.
func leastTime(t *testing.T, do func()) time.Duration {
	t.Helper()
	least := time.Duration(math.MaxInt64)
	for range 5 {
		start := processorTime(t)
		do()
		least = min(least, processorTime(t)-start)
	}
	return least
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good + "\n" + other))
	f.Add([]byte(headers + key + "c2ln\nbmF0\n"))
	f.Add([]byte("#Timestamp = 1\n#Instance= i\nssh-rsa A\nAA=="))
	f.Add([]byte(strings.ReplaceAll(good, "\n", "\r\n")))
	f.Fuzz(func(t *testing.T, document []byte) {
		for _, e := range Parse(document) {
			if e.Err != nil {
				require.Empty(t, e.Signed)
				require.Empty(t, e.Key)
				continue
			}
			require.Contains(t, string(document), string(e.Signed))
			require.True(t, bytes.HasSuffix(e.Signed, append(bytes.Clone(e.Key), '\n')))
			require.Positive(t, e.Timestamp)

			again := Parse([]byte(string(e.Signed) + base64.StdEncoding.EncodeToString(e.Signature) + "\n"))
			require.Len(t, again, 1)
			e.Line = 1
			require.Equal(t, e, again[0])
		}
	})
}

func manyHeaders(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "#X%d=1\n", i)
	}
	return b.String()
}
