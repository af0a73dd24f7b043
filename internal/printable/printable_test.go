package printable

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestWordQuotesForeignText(t *testing.T) {
	for text, want := range map[string]string{
		"":                              `""`,
		"arn:aws:sts::1:assumed-role/a": "arn:aws:sts::1:assumed-role/a",
		"two words":                     `"two words"`,
		"quo\"te":                       `"quo\"te"`,
		"\x1b[2J":                       `"\x1b[2J"`,
		"Ünïcode":                       `"Ünïcode"`,
		"\u202e":                        `"\u202e"`,
		"\xff":                          `"\xff"`,
		strings.Repeat("a", 301):        `"` + strings.Repeat("a", 300) + `…"`,
	} {
		require.Equal(t, want, Word(text))
	}
	require.Equal(t, "ssh-rsa AAAA two words", ASCII("ssh-rsa AAAA two words"))
	require.Equal(t, `"ssh-rsa \u00fc"`, ASCII("ssh-rsa ü"))
}

func TestShortenedTextIsMarked(t *testing.T) {
	for text, want := range map[string]string{
		"short":                "short",
		"":                     "",
		"exactly ten":          `"exactly te…"`,
		"12345678é9":           `"12345678é…"`,
		"123456789é":           `"123456789…"`,
		"\n\n\n\n\n":           `"\n\n\n\n\n"`,
		"\n\n\n\n\n\n":         `"\n\n\n\n\n…"`,
		"\xff":                 `"\xff"`,
		`say "no"`:             `say "no"`,
		strings.Repeat("é", 5): strings.Repeat("é", 5),
	} {
		require.Equal(t, want, Short(text, 10), "%q", text)
	}
}

func TestSentenceKeepsPrintableCharacters(t *testing.T) {
	for text, want := range map[string][2]string{
		"plain \"Ü\" \\x": {"plain \"Ü\" \\x", "plain \"Ü\" \\x"},
		"a\x1b[2Jb":       {`a\x1b[2Jb`, `a\x1b[2Jb`},
		"a\tb\nc\r\n":     {`a\tb\nc\r\n`, "a\tb\nc\\r\n"},
		"\u202eabc\xff":   {`\u202eabc\xff`, `\u202eabc\xff`},
		"\u009b31m":       {`\u009b31m`, `\u009b31m`}, // a control sequence in one character
		"\ufffd":          {"\ufffd", "\ufffd"},
	} {
		require.Equal(t, want, [2]string{Line(text), Text(text)}, "%q", text)
	}
}

func TestWriterPassesOnEveryByte(t *testing.T) {
	var b strings.Builder
	n, err := Writer{&b}.Write([]byte("a\x1bb\n"))
	require.NoError(t, err)
	require.Equal(t, 4, n)
	require.Equal(t, "a\\x1bb\n", b.String())
}

func TestJSONForATerminal(t *testing.T) {
	require.Equal(t, "{\n \"a\": \"\\u202e\\udb40\\udc01é\"\n}", JSON("{\n \"a\": \"\u202e\U000e0001é\"\n}"))
}

func FuzzNothingReachesATerminalRaw(f *testing.F) {
	f.Add("\x1b]0;title\x07\u009b2J\xff\xfe\n\t\U000e0001")
	f.Fuzz(func(t *testing.T, text string) {
		for _, shown := range []string{Quote(text, 20), Short(text, 20), Word(text), ASCII(text), Line(text)} {
			require.True(t, clean(shown), "%q", shown)
		}
		shown := Text(text)
		require.True(t, utf8.ValidString(shown))
		for _, r := range shown {
			require.True(t, r == '\n' || r == '\t' || unicode.IsPrint(r), "%q", shown)
		}
	})
}
