package sshd

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFindBlock(t *testing.T) {
	text := string(Entry{Args: []string{"--budget", "5s"}, Made: []string{"/etc/a", "/etc/a/b c"}}.Text())
	tests := map[string]struct {
		file, data string
		found      bool
		edited     bool
		line       int
	}{
		"alone in its file":                {DropIn, text, true, false, 1},
		"at the head":                      {MainConfig, text + "UsePAM yes\n", true, false, 1},
		"further down":                     {MainConfig, "a\n\n" + text + "b", true, false, 3},
		"somebody's settings for eichhorn": {MainConfig, "# BEGIN eichhorn settings\nUsePAM yes\n# END eichhorn settings\n", false, false, 0},
		"nothing":                          {MainConfig, "UsePAM yes\n", false, false, 0},
		"an empty file":                    {MainConfig, "", false, false, 0},
		"somebody else's file":             {DropIn, "UsePAM yes\n", true, true, 0},
		"an emptied file":                  {DropIn, "", true, true, 0},
		"something before it in its file":  {DropIn, "\n" + text, true, true, 2},
		"something after it in its file":   {DropIn, text + "\n", true, true, 1},
		"carriage returns":                 {MainConfig, strings.ReplaceAll(text, "\n", "\r\n"), true, true, 1},
		"no newline at the end":            {MainConfig, strings.TrimSuffix(text, "\n"), true, true, 1},
		"only its first line":              {MainConfig, "x\n" + blockHead, true, true, 2},
		"its mark inside a line":           {MainConfig, "x " + text[:20] + "\n", false, false, 0},
		"a mark in a comment of ours":      {MainConfig, text + text, true, true, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b, found := FindBlock(test.file, []byte(test.data))
			require.Equal(t, test.found, found)
			require.Equal(t, test.edited, b.Edited)
			require.Equal(t, test.line, b.Line)
			if found && !b.Edited {
				require.Equal(t, Entry{Args: []string{"--budget", "5s"}, Made: []string{"/etc/a", "/etc/a/b c"}}, b.Entry)
				require.Equal(t, strings.Replace(test.data, text, "", 1), string(b.Cut([]byte(test.data))))
			}
		})
	}
}

func FuzzBlock(f *testing.F) {
	f.Add("UsePAM yes\n", "", "--budget", "/etc/x")
	f.Add("", "Match all", "a \"b\"", "/a\n# END eic")
	f.Add(blockHead+"\n", blockEnd+"\n", "#", "/")
	f.Fuzz(func(t *testing.T, before, after, arg, made string) {
		for _, file := range []string{DropIn, MainConfig} {
			b, found := FindBlock(file, []byte(before+after))
			if found && !b.Edited {
				require.Equal(t, before+after, string(b.Replace([]byte(before+after), b.Text)))
			}
		}
		e := Entry{Args: []string{arg}, Made: []string{made}}
		if e.Check() != nil || strings.Contains(before+after, blockBegin) || before != "" && !strings.HasSuffix(before, "\n") {
			return
		}
		data := before + string(e.Text()) + after
		b, found := FindBlock(MainConfig, []byte(data))
		require.True(t, found)
		require.False(t, b.Edited)
		require.Equal(t, e, b.Entry)
		require.Equal(t, before+after, string(b.Cut([]byte(data))))
	})
}
