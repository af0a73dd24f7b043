package sshd

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFindBlockDetectsManualEdits(t *testing.T) {
	text := string(Entry{Args: []string{"--budget", "5s"}, Made: []string{"/etc/a", "/etc/a/b c"}}.Text())
	tests := map[string]struct {
		file, data string
		found      bool
		edited     bool
		line       int
	}{
		"block alone in the drop-in is unedited":                {DropIn, text, true, false, 1},
		"block at the start of sshd_config is unedited":         {MainConfig, text + "UsePAM yes\n", true, false, 1},
		"block in the middle of sshd_config is unedited":        {MainConfig, "a\n\n" + text + "b", true, false, 3},
		"BEGIN eichhorn is not the begin mark of eic":           {MainConfig, "# BEGIN eichhorn settings\nUsePAM yes\n# END eichhorn settings\n", false, false, 0},
		"sshd_config without a block":                           {MainConfig, "UsePAM yes\n", false, false, 0},
		"empty sshd_config has no block":                        {MainConfig, "", false, false, 0},
		"drop-in with other contents counts as edited":          {DropIn, "UsePAM yes\n", true, true, 0},
		"empty drop-in counts as edited":                        {DropIn, "", true, true, 0},
		"line before the block in the drop-in counts as edited": {DropIn, "\n" + text, true, true, 2},
		"line after the block in the drop-in counts as edited":  {DropIn, text + "\n", true, true, 1},
		"block with carriage returns counts as edited":          {MainConfig, strings.ReplaceAll(text, "\n", "\r\n"), true, true, 1},
		"block without a final newline counts as edited":        {MainConfig, strings.TrimSuffix(text, "\n"), true, true, 1},
		"block without an end counts as edited":                 {MainConfig, "x\n" + blockHead, true, true, 2},
		"begin mark inside a line is no block":                  {MainConfig, "x " + text[:20] + "\n", false, false, 0},
		"two blocks count as edited":                            {MainConfig, text + text, true, true, 1},
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
