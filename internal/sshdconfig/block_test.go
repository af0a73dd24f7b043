package sshdconfig

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFindBlock(t *testing.T) {
	text := string(entry{args: []string{"--budget", "5s"}, made: []string{"/etc/a", "/etc/a/b c"}}.text())
	tests := map[string]struct {
		file, data string
		found      bool
		edited     bool
		line       int
	}{
		"alone in its file":               {DropIn, text, true, false, 1},
		"at the head":                     {mainConfig, text + "UsePAM yes\n", true, false, 1},
		"further down":                    {mainConfig, "a\n\n" + text + "b", true, false, 3},
		"nothing":                         {mainConfig, "UsePAM yes\n", false, false, 0},
		"an empty file":                   {mainConfig, "", false, false, 0},
		"somebody else's file":            {DropIn, "UsePAM yes\n", true, true, 0},
		"an emptied file":                 {DropIn, "", true, true, 0},
		"something before it in its file": {DropIn, "\n" + text, true, true, 2},
		"something after it in its file":  {DropIn, text + "\n", true, true, 1},
		"carriage returns":                {mainConfig, strings.ReplaceAll(text, "\n", "\r\n"), true, true, 1},
		"no newline at the end":           {mainConfig, strings.TrimSuffix(text, "\n"), true, true, 1},
		"only its first line":             {mainConfig, "x\n" + blockHead, true, true, 2},
		"its mark inside a line":          {mainConfig, "x " + text[:20] + "\n", false, false, 0},
		"a mark in a comment of ours":     {mainConfig, text + text, true, true, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b, found := findBlock(test.file, []byte(test.data))
			require.Equal(t, test.found, found)
			require.Equal(t, test.edited, b.edited)
			require.Equal(t, test.line, b.line)
			if found && !b.edited {
				require.Equal(t, entry{[]string{"--budget", "5s"}, []string{"/etc/a", "/etc/a/b c"}}, b.entry)
				require.Equal(t, strings.Replace(test.data, text, "", 1), string(b.cut([]byte(test.data))))
			}
		})
	}
}

func FuzzBlock(f *testing.F) {
	f.Add("UsePAM yes\n", "", "--budget", "/etc/x")
	f.Add("", "Match all", "a \"b\"", "/a\n# END eic")
	f.Add(blockHead+"\n", blockEnd+"\n", "#", "/")
	f.Fuzz(func(t *testing.T, before, after, arg, made string) {
		for _, file := range []string{DropIn, mainConfig} {
			b, found := findBlock(file, []byte(before+after))
			if found && !b.edited {
				require.Equal(t, before+after, string(b.replace([]byte(before+after), b.text)))
			}
		}
		e := entry{args: []string{arg}, made: []string{made}}
		if e.check() != nil || strings.Contains(before+after, blockBegin) || before != "" && !strings.HasSuffix(before, "\n") {
			return
		}
		data := before + string(e.text()) + after
		b, found := findBlock(mainConfig, []byte(data))
		require.True(t, found)
		require.False(t, b.edited)
		require.Equal(t, e, b.entry)
		require.Equal(t, before+after, string(b.cut([]byte(data))))
	})
}
