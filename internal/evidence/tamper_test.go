package evidence

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"eic/test/needs"
)

// inMemory returns a saved directory that a test can change.
func inMemory(t *testing.T) fstest.MapFS {
	t.Helper()
	files, err := full().files()
	require.NoError(t, err)
	dir := fstest.MapFS{manifestFile: {Data: manifest(files)}}
	for name, content := range files {
		dir[name] = &fstest.MapFile{Data: content}
	}
	_, _, err = LoadFS(dir)
	require.NoError(t, err)
	return dir
}

func TestFlippingAnyBitIsDetected(t *testing.T) {
	dir := inMemory(t)
	for name, file := range dir {
		for i := range file.Data {
			flip := byte(1) << (i % 8)
			file.Data[i] ^= flip
			_, _, err := LoadFS(dir)
			require.Error(t, err, "byte %d of %s", i, name)
			if name != manifestFile {
				require.ErrorContains(t, err, name+" was changed")
			}
			file.Data[i] ^= flip
		}
	}
}

func TestChangedDirectoryIsRefused(t *testing.T) {
	for name, try := range map[string]struct {
		change func(fstest.MapFS)
		want   string
	}{
		"file removed":                              {func(m fstest.MapFS) { delete(m, domainFile) }, "domain was removed"},
		"staple removed":                            {func(m fstest.MapFS) { delete(m, "ocsp/1") }, "ocsp/1 was removed"},
		"SHA256SUMS removed":                        {func(m fstest.MapFS) { delete(m, manifestFile) }, "there is no SHA256SUMS"},
		"SHA256SUMS empty":                          {func(m fstest.MapFS) { m[manifestFile].Data = nil }, "SHA256SUMS is empty"},
		"file added":                                {func(m fstest.MapFS) { m["notes.txt"] = &fstest.MapFile{} }, `"notes.txt" was added`},
		"file with a hostile name added":            {func(m fstest.MapFS) { m["\x1b[2J"] = &fstest.MapFile{} }, `"\x1b[2J" was added`},
		"directory added":                           {func(m fstest.MapFS) { m["more/file"] = &fstest.MapFile{} }, `"more" was added: it is not a regular file`},
		"file in place of the directory of staples": {func(m fstest.MapFS) { clear(m); m[stapleDirectory] = &fstest.MapFile{} }, "there is no SHA256SUMS"},
		"link in place of a file":                   {func(m fstest.MapFS) { m[zoneFile].Mode = fs.ModeSymlink }, `"availability-zone" was added: it is not a regular file`},
		"file too long": {func(m fstest.MapFS) { m[domainFile].Data = make([]byte, maxFile+1) },
			`"domain" is too long, expected at most 2097152 bytes`},
		"two files changed": {func(m fstest.MapFS) { m[domainFile].Data, m[zoneFile].Data = nil, nil },
			"availability-zone was changed"},
		"too many files": {func(m fstest.MapFS) {
			for i := range maxFiles {
				m[strings.Repeat("x", i+1)] = &fstest.MapFile{}
			}
		}, "more than 64 files"},
		"repeated line in SHA256SUMS": {func(m fstest.MapFS) {
			m[manifestFile].Data = append(m[manifestFile].Data, strings.SplitAfter(string(m[manifestFile].Data), "\n")[0]...)
		}, "names active-keys again"},
		"path outside the directory in SHA256SUMS": {func(m fstest.MapFS) {
			m[manifestFile].Data = append(m[manifestFile].Data, digest(nil)+"  ../../etc/shadow\n"...)
		}, `names "../../etc/shadow", which is not a file of saved evidence`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := inMemory(t)
			try.change(dir)
			_, _, err := LoadFS(dir)
			require.ErrorContains(t, err, try.want)
		})
	}
}

// Somebody who also changes SHA256SUMS can fabricate a Record, but not one in a form that
// this program never writes.
func TestMalformedRecordIsRefused(t *testing.T) {
	for name, try := range map[string]struct {
		old, new string
		want     string
	}{
		"unknown schema":           {schema, "eic.evidence/2", `has the schema "eic.evidence/2", expected "eic.evidence/1"`},
		"not JSON":                 {"{", "", "parsing evidence.json"},
		"unknown field":            {`"user"`, `"uses"`, `unknown field "uses"`},
		"fewer staples than names": {`    {},` + "\n", "", "staple-names has 4 names, evidence.json has 3 staples"},
		"staple without its file":  {`"error": "was not requested"`, "", "ocsp/2 exists, or is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := full().files()
			require.NoError(t, err)
			text := strings.Replace(string(files[recordFile]), try.old, try.new, 1)
			require.NotEqual(t, text, string(files[recordFile]))
			files[recordFile] = []byte(text)
			_, err = fromFiles(files)
			require.ErrorContains(t, err, try.want)
		})
	}
	_, err := fromFiles(nil)
	require.ErrorContains(t, err, "there is no evidence.json")
}

// Evidence names people and is written with the caller's rights, perhaps root's. No other
// user may read it or redirect where it is written.
func TestDirectoriesForEvidence(t *testing.T) {
	parent := t.TempDir()
	at := func(name string) string { return filepath.Join(parent, name) }
	require.NoError(t, errors.Join(
		os.Mkdir(at("occupied"), 0o700), os.WriteFile(at("occupied/.hidden"), nil, 0o600),
		os.Mkdir(at("empty"), 0o700), os.Symlink("empty", at("link")), os.Symlink("none", at("dangling")),
		os.Mkdir(at("open"), 0o700), os.Chmod(at("open"), 0o750),
		os.Mkdir(at("shared"), 0o700), os.Chmod(at("shared"), 0o777),
	))
	for name, want := range map[string]string{
		"occupied":         "not empty",
		"occupied/.hidden": "not a directory",
		"no/such":          "no such file or directory",
		"link":             "not a directory (L",
		"dangling":         "not a directory (L",
		"open":             "accessible to others (mode 0750)",
		"shared/new":       "may be written to by its group or by others (mode 0777)",
	} {
		_, err := Create(at(name))
		require.ErrorContains(t, err, want, name)
	}
	_, err := os.Lstat(at("none"))
	require.ErrorIs(t, err, fs.ErrNotExist, "the dangling link was followed")
	_, _, err = Load(at("no"))
	require.ErrorContains(t, err, "opening the evidence: ")

	for _, name := range []string{"empty", "new"} {
		d, err := Create(at(name))
		require.NoError(t, err)
		defer d.Close()
		_, err = d.Save(full())
		require.NoError(t, err)
		_, err = d.Save(full())
		require.ErrorIs(t, err, fs.ErrExist, "expected no file to be overwritten")
	}
}

func TestEvidenceIsNotSavedInADirectoryOfAnotherUser(t *testing.T) {
	needs.Root(t)
	theirs := filepath.Join(t.TempDir(), "theirs")
	require.NoError(t, errors.Join(os.Mkdir(theirs, 0o700), os.Chown(theirs, 65534, 0)))
	_, err := Create(theirs)
	require.ErrorContains(t, err, "owned by another user")
	_, err = Create(filepath.Join(theirs, "new"))
	require.ErrorContains(t, err, "is owned by uid 65534")
}

// Only the owner may read evidence, whatever the umask.
func TestModesOfSavedFiles(t *testing.T) {
	needs.Root(t) // with umask 0777, a user other than root could not open its own files
	for _, umask := range []int{0, 0o022, 0o777} {
		directory := filepath.Join(t.TempDir(), "evidence")
		before := syscall.Umask(umask)
		d, err := Create(directory)
		if err == nil {
			_, err = d.Save(full())
			d.Close()
		}
		syscall.Umask(before)
		require.NoError(t, err)
		require.NoError(t, filepath.WalkDir(directory, func(name string, entry fs.DirEntry, err error) error {
			require.NoError(t, err)
			info, err := entry.Info()
			require.NoError(t, err)
			want := fs.FileMode(fileMode)
			if entry.IsDir() {
				want = directoryMode
			}
			require.Equal(t, want, info.Mode().Perm(), "%s with umask %o", name, umask)
			return nil
		}))
	}
}
