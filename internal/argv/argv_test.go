package argv

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSplit(t *testing.T) {
	tests := map[string]struct {
		in   string
		want []string
	}{
		"nothing":                                   {"", nil},
		"only blanks":                               {" \t ", nil},
		"blanks around and between":                 {"  a \t b\t", []string{"a", "b"}},
		"a quoted blank splits the argument":        {`"a b" 'c d'`, []string{"a b", "c d"}},
		"a tab in quotes splits the argument":       {"'a\tb'", []string{"a\tb"}},
		"an empty argument is lost":                 {`a "" '' b`, []string{"a", "", "", "b"}},
		"quotes in the middle end the argument":     {`--x="a b"c`, []string{"--x=a bc"}},
		"two quoted parts become two arguments":     {`"a"'b'`, []string{"ab"}},
		"the other quote closes a quote":            {`"it's" 'say "x"'`, []string{"it's", `say "x"`}},
		"an escaped quote closes a quote":           {`"a\"b" 'a\'b'`, []string{`a"b`, "a'b"}},
		"an escaped quote opens a quote":            {`\"a \'b`, []string{`"a`, "'b"}},
		"an escaped backslash escapes":              {`"a\\" b`, []string{`a\`, "b"}},
		"the other quote's escape is kept":          {`"\'"`, []string{"'"}},
		"an escaped blank splits":                   {`a\ b`, []string{"a b"}},
		"an escaped blank in quotes loses its sign": {`"a\ b"`, []string{`a\ b`}},
		"an escaped tab joins":                      {"a\\\tb", []string{`a\`, "b"}},
		"other escapes are interpreted":             {`\n "\t" \%`, []string{`\n`, `\t`, `\%`}},
		"a backslash at the end is lost":            {`a \`, []string{"a", `\`}},
		"a comment sign hides the rest":             {`a #b "#" c`, []string{"a", "#b", "#", "c"}},
		"a newline separates":                       {"a\nb", []string{"a\nb"}},
		"a variable is expanded":                    {`$HOME ${x} ~ * ;`, []string{"$HOME", "${x}", "~", "*", ";"}},
		"tokens are taken for quotes":               {"%u %f %%", []string{"%u", "%f", "%%"}},
		"a NUL byte ends the line":                  {"a\x00b c", []string{"a\x00b", "c"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Split(test.in)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestSplitRefusesOpenQuotes(t *testing.T) {
	for _, in := range []string{`"`, `'`, `a "b`, `a 'b"`, `"a\"`, `"a\\\"`, `a" `} {
		_, err := Split(in)
		require.ErrorContains(t, err, "no closing", "%q", in)
	}
}

func TestSplitLineEndsAtComment(t *testing.T) {
	tests := map[string]struct {
		in   string
		want []string
	}{
		"an open quote in a comment counts": {`a b # it's`, []string{"a", "b"}},
		"a sign inside an argument counts":  {`a#b`, []string{"a#b"}},
		"a quoted sign counts":              {`"#a" b`, []string{"#a", "b"}},
		"a comment is an argument":          {`#a`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := SplitLine(test.in)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestQuote(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string
	}{
		"plain words are quoted":              {[]string{"/usr/bin/eic", "--budget", "5s", "%u"}, "/usr/bin/eic --budget 5s %u"},
		"an empty argument vanishes":          {[]string{"a", "", "b"}, `a "" b`},
		"a blank splits":                      {[]string{"a b"}, `"a b"`},
		"a quote is lost":                     {[]string{`say "x"`, "it's"}, `"say \"x\"" "it's"`},
		"a backslash escapes the quote":       {[]string{`a b\`}, `"a b\\"`},
		"a comment sign starts a comment":     {[]string{"#a"}, `"#a"`},
		"a form feed at the end is trimmed":   {[]string{"a\f"}, "\"a\f\""},
		"no arguments at all give a blank":    {nil, ""},
		"a nested command line loses a level": {[]string{"--chain", `/x "a b" %%u`}, `--chain "/x \"a b\" %%u"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, Quote(test.args))
		})
	}
}

func TestExpand(t *testing.T) {
	values := map[byte]string{'u': "a b\"c %f", 'f': "SHA256:x"}

	got, err := Expand([]string{"%u", "x%%u", "%f-%f", "", "100%%"}, values)
	require.NoError(t, err)
	require.Equal(t, []string{"a b\"c %f", "x%u", "SHA256:x-SHA256:x", "", "100%"}, got)

	for _, arg := range []string{"%h", "%", "a%", "% u", "%%%"} {
		_, err := Expand([]string{arg}, values)
		require.Error(t, err, "%q", arg)
	}
}

func TestExpandUndoesEscape(t *testing.T) {
	for _, arg := range []string{"", "%", "%u", "%%", "a%b%", "plain"} {
		got, err := Expand([]string{Escape(arg)}, nil)
		require.NoError(t, err)
		require.Equal(t, []string{arg}, got)
	}
}

// splitBefore87 splits a line by the rules of OpenSSH 7.4 to 8.6, which Amazon Linux 2,
// RHEL 8, Ubuntu 18.04 and 20.04 and Debian 11 run.
func splitBefore87(s string) []string {
	var args []string
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" {
			return args
		}
		var quote byte
		if len(s) > 1 && s[0] == '\\' && strings.IndexByte(`"'\`, s[1]) >= 0 {
			s = s[1:]
		} else if s[0] == '"' || s[0] == '\'' {
			quote, s = s[0], s[1:]
		}
		arg, rest, more := cutBefore87(s, quote)
		args = append(args, arg)
		if !more {
			return args
		}
		s = rest
	}
}

// cutBefore87 cuts off an argument that ends with the quote, or with a blank if quote is
// 0. If there is no end, it takes everything.
func cutBefore87(s string, quote byte) (arg, rest string, more bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) && strings.IndexByte(`"'\`, s[i+1]) >= 0 {
			i++
			b.WriteByte(s[i])
			continue
		}
		if quote == 0 && (c == ' ' || c == '\t') || quote != 0 && c == quote {
			return b.String(), s[i+1:], true
		}
		b.WriteByte(c)
	}
	return b.String(), "", false
}

func FuzzQuote(f *testing.F) {
	for _, seed := range []string{
		"a b", `--chain "/x %%u" %u`, `"a\"b" 'c' \`, "#x\n'", `""`, "a\x00", "\\ \\\t", `"\\"`, "%u\f",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words := strings.Split(s, "\n")
		got, err := Split(Quote(words))
		require.NoError(t, err)
		require.Equal(t, words, got, "the quoted text splits differently")
		require.Equal(t, words, splitBefore87(Quote(words)), "an older sshd splits it differently")

		args, err := Split(s)
		if err != nil {
			return
		}
		again, err := Split(Quote(args))
		require.NoError(t, err)
		require.True(t, slices.Equal(args, again), "%q and %q", args, again)

		if !strings.Contains(s, "#") {
			line, err := SplitLine(s)
			require.NoError(t, err)
			require.Equal(t, args, line)
		}
	})
}

func FuzzExpand(f *testing.F) {
	f.Add("%u %f", "name")
	f.Add("%%u%", `a" b`)
	f.Fuzz(func(t *testing.T, arg, value string) {
		escaped, err := Expand([]string{Escape(arg)}, nil)
		require.NoError(t, err)
		require.Equal(t, []string{arg}, escaped)

		got, err := Expand([]string{arg, "%u"}, map[byte]string{'u': value})
		if err != nil {
			return
		}
		require.Len(t, got, 2)
		require.Equal(t, value, got[1])
	})
}
