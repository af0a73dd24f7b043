package enable

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"eic/internal/sshd"
	"eic/internal/sshd/sshdtest"
)

var update = flag.Bool("update", false, "rewrite the after/ files of testdata/distros")

// A distro is one file of testdata/distros. It has the files as a distribution ships them
// and, under after/, as Add leaves them. Lines before the first file are text, or one of
//
//	mode: 0600 FILE
//	link: FILE TARGET
//	directory: DIRECTORY
//	options: chain replace
//	refused: TEXT          part of Add's error without those options
//	sshd: -f FILE          for a distribution whose sshd_config is elsewhere
type distro struct {
	archive *txtar.Archive
	before  map[string]string
	after   map[string]string
}

func loadDistro(t *testing.T, file string) distro {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	d := distro{archive, map[string]string{}, map[string]string{}}
	for _, f := range archive.Files {
		if name, after := strings.CutPrefix(f.Name, "after/"); after {
			d.after[name] = string(f.Data)
			continue
		}
		d.before[f.Name] = string(f.Data)
	}
	return d
}

func (d distro) directives(key string) []string {
	var values []string
	for line := range strings.SplitSeq(string(d.archive.Comment), "\n") {
		if value, found := strings.CutPrefix(line, key+": "); found {
			values = append(values, value)
		}
	}
	return values
}

func (d distro) root(t *testing.T) sshd.Host {
	t.Helper()
	root := sshdtest.NewRoot(t, d.before)
	for _, value := range d.directives("mode") {
		mode, name, _ := strings.Cut(value, " ")
		bits, err := strconv.ParseUint(mode, 8, 32)
		require.NoError(t, err)
		require.NoError(t, os.Chmod(filepath.Join(root, name), os.FileMode(bits)))
	}
	for _, value := range d.directives("link") {
		name, target, _ := strings.Cut(value, " ")
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		require.NoError(t, os.Symlink(target, filepath.Join(root, name)))
	}
	for _, name := range d.directives("directory") {
		require.NoError(t, os.MkdirAll(filepath.Join(root, name), 0o755))
	}
	h := sshd.Host{Root: root}
	if args := d.directives("sshd"); args != nil {
		h.Run = func(ctx context.Context, name string, more ...string) ([]byte, []byte, error) {
			return sshd.Exec(root)(ctx, name, append(strings.Fields(args[0]), more...)...)
		}
	}
	return h
}

func (d distro) options() Options {
	words := strings.Fields(strings.Join(d.directives("options"), " "))
	return Options{Chain: slices.Contains(words, "chain"), ReplaceInstanceConnect: slices.Contains(words, "replace")}
}

func (d distro) checkRefusal(t *testing.T, h sshd.Host) {
	t.Helper()
	for _, text := range d.directives("refused") {
		before := sshdtest.Snapshot(t, h.Root)
		_, err := Add(t.Context(), h, Options{})
		var conflict *ConflictError
		require.ErrorAs(t, err, &conflict)
		require.Contains(t, err.Error(), text)
		require.Equal(t, before, sshdtest.Snapshot(t, h.Root), "a refused Add changed files")
	}
}

// On each distribution, eic must apply after Add, and Remove must restore every file.
func TestEnableAndDisableOnEachDistribution(t *testing.T) {
	files, err := filepath.Glob("testdata/distros/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			d := loadDistro(t, file)
			h := d.root(t)
			d.checkRefusal(t, h)
			before := sshdtest.Snapshot(t, h.Root)
			options := d.options()

			options.DryRun = true
			dry, err := Add(t.Context(), h, options)
			require.NoError(t, err)
			require.True(t, dry.Changed)
			require.Equal(t, before, sshdtest.Snapshot(t, h.Root), "a dry run changed files")

			options.DryRun = false
			result, err := Add(t.Context(), h, options)
			require.NoError(t, err)
			require.Equal(t, dry, result, "the dry run and Add have different results")
			d.checkAfter(t, h.Root, file)

			enabled := sshdtest.Snapshot(t, h.Root)
			again, err := Add(t.Context(), h, options)
			require.NoError(t, err)
			require.False(t, again.Changed)
			require.Empty(t, again.Diff)
			require.Equal(t, enabled, sshdtest.Snapshot(t, h.Root), "a second Add changed files")

			e, err := h.Effective(t.Context(), sshd.Connection{User: "root"})
			require.NoError(t, err)
			require.True(t, e.Managed)
			require.Equal(t, commandUser(options.Chain), e.User)

			result, err = Remove(t.Context(), h, false)
			require.NoError(t, err)
			require.True(t, result.Changed)
			require.Equal(t, before, sshdtest.Snapshot(t, h.Root), "Remove did not restore every file")

			result, err = Remove(t.Context(), h, false)
			require.NoError(t, err)
			require.False(t, result.Changed)
		})
	}
}

// checkAfter requires that the files have the contents under after/, and that no other file
// changed.
func (d distro) checkAfter(t *testing.T, root, file string) {
	t.Helper()
	if *update {
		d.update(t, root, file)
		return
	}
	for name, want := range d.after {
		require.Equal(t, want, sshdtest.ReadFile(t, root, name), name)
	}
	for name, want := range d.before {
		if _, changed := d.after[name]; !changed {
			require.Equal(t, want, sshdtest.ReadFile(t, root, name), name)
		}
	}
	require.NotEmpty(t, d.after)
}

func (d distro) update(t *testing.T, root, file string) {
	t.Helper()
	d.archive.Files = slices.DeleteFunc(d.archive.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, "after/") })
	for _, name := range []string{strings.TrimPrefix(sshd.DropIn, "/"), "etc/ssh/sshd_config"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err == nil && string(data) != d.before[name] {
			d.archive.Files = append(d.archive.Files, txtar.File{Name: "after/" + name, Data: data})
		}
	}
	require.NoError(t, os.WriteFile(file, txtar.Format(d.archive), 0o644))
}

// commandUser returns the expected AuthorizedKeysCommandUser. A chained command runs as
// root in these tests, so eic does too.
func commandUser(chained bool) string {
	if chained {
		return "root"
	}
	return sshd.CommandUser
}
