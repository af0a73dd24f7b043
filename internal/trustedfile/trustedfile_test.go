package trustedfile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"eic/test/needs"
)

const (
	nobody = 65534
	limit  = 100
)

// world is a directory that only root may write to, with a file in it.
type world struct{ dir, file string }

func newWorld(t *testing.T) world {
	t.Helper()
	needs.Root(t)
	dir, err := os.MkdirTemp("/var/lib", "trustedfile-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	w := world{dir, filepath.Join(dir, "sub", "file")}
	require.NoError(t, errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "sub"), 0o755),
		os.Chmod(filepath.Join(dir, "sub"), 0o755), os.WriteFile(w.file, []byte("words"), 0o644)))
	return w
}

func (w world) path(name string) string { return filepath.Join(w.dir, name) }

// Anybody who could have written a file, or replaced it, controls its contents.
func TestFileThatOthersCanWriteToIsNotTrusted(t *testing.T) {
	link := func(to, name string, uid int) error {
		return errors.Join(os.Symlink(to, name), os.Lchown(name, uid, uid))
	}
	for name, test := range map[string]struct {
		change  func(w world) error
		name    string // below the world; "sub/file" if empty
		uid     int
		refusal string // "" if the file is trusted
	}{
		"owned by root":                         {},
		"owned by root, read by a user":         {uid: nobody},
		"owned by the user":                     {change: func(w world) error { return os.Chown(w.file, nobody, 0) }, uid: nobody},
		"owned by another user, read by root":   {change: func(w world) error { return os.Chown(w.file, nobody, 0) }, refusal: `file" is owned by uid 65534, expected root; run: chown root`},
		"owned by another user, read by a user": {change: func(w world) error { return os.Chown(w.file, 1, 0) }, uid: nobody, refusal: "is owned by uid 1, expected root or uid 65534"},
		"writable by its group":                 {change: func(w world) error { return os.Chmod(w.file, 0o664) }, refusal: "mode 0664); run: chmod go-w"},
		"writable by everybody":                 {change: func(w world) error { return os.Chmod(w.file, 0o646) }, refusal: "mode 0646"},
		"owned by the user, writable by everybody": {change: func(w world) error {
			return errors.Join(os.Chown(w.file, nobody, 0), os.Chmod(w.file, 0o646))
		}, uid: nobody, refusal: "mode 0646"},
		"in a directory of another user":                {change: func(w world) error { return os.Chown(w.path("sub"), nobody, 0) }, refusal: `sub" is owned by uid 65534`},
		"in a directory of the user":                    {change: func(w world) error { return os.Chown(w.path("sub"), nobody, 0) }, uid: nobody},
		"in a directory that everybody may write to":    {change: func(w world) error { return os.Chmod(w.path("sub"), 0o777) }, refusal: `sub" may be written to`},
		"below a directory that its group may write to": {change: func(w world) error { return os.Chmod(w.dir, 0o775) }, refusal: "mode 0775"},
		"in a sticky directory of root": {change: func(w world) error {
			return os.Chmod(w.path("sub"), 0o777|os.ModeSticky)
		}},
		"in a sticky directory of another user": {change: func(w world) error {
			return errors.Join(os.Chown(w.path("sub"), nobody, 0), os.Chmod(w.path("sub"), 0o777|os.ModeSticky))
		}, uid: nobody, refusal: "may be written to"},
		"link of root":          {change: func(w world) error { return link("sub/file", w.path("link"), 0) }, name: "link"},
		"absolute link of root": {change: func(w world) error { return link(w.file, w.path("link"), 0) }, name: "link"},
		"link with ..": {change: func(w world) error {
			return errors.Join(link("../other", w.path("sub/link"), 0), os.WriteFile(w.path("other"), []byte("words"), 0o644))
		}, name: "sub/link"},
		"link of another user in a sticky directory": {change: func(w world) error {
			return errors.Join(os.Chmod(w.dir, 0o777|os.ModeSticky), link("sub/file", w.path("link"), nobody))
		}, name: "link", refusal: `link" is owned by uid 65534`},
		"link in a directory of another user": {change: func(w world) error {
			return errors.Join(os.Mkdir(w.path("other"), 0o755), link(w.file, w.path("other/link"), 0), os.Chown(w.path("other"), nobody, 0))
		}, name: "other/link", refusal: `other" is owned by uid 65534`},
		"link through a directory of another user": {change: func(w world) error {
			return errors.Join(os.Mkdir(w.path("other"), 0o755), link(w.path("sub"), w.path("other/link"), 0),
				os.Chown(w.path("other"), nobody, 0), link("other/link/file", w.path("link"), 0))
		}, name: "link", refusal: `other" is owned by uid 65534`},
		"dangling link":       {change: func(w world) error { return link("none", w.path("link"), 0) }, name: "link", refusal: `link" is a dangling link`},
		"link to itself":      {change: func(w world) error { return link("link", w.path("link"), 0) }, name: "link", refusal: "too many levels of symbolic links"},
		"directory":           {name: "sub", refusal: "is not a regular file (drwx"},
		"FIFO":                {change: func(w world) error { return syscall.Mkfifo(w.path("fifo"), 0o600) }, name: "fifo", refusal: "is not a regular file (p"},
		"link to a device":    {change: func(w world) error { return link("/dev/zero", w.path("zero"), 0) }, name: "zero", refusal: "is not a regular file"},
		"path through a file": {name: "sub/file/x", refusal: "not a directory"},
		"maximum length":      {change: func(w world) error { return os.WriteFile(w.file, make([]byte, limit), 0o644) }},
		"one byte too long":   {change: func(w world) error { return os.WriteFile(w.file, make([]byte, limit+1), 0o644) }, refusal: "expected at most 100 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if test.change != nil {
				require.NoError(t, test.change(w))
			}
			if test.name == "" {
				test.name = "sub/file"
			}
			content, err := Read(t.Context(), w.path(test.name), test.uid, limit)
			if test.refusal == "" {
				require.NoError(t, err)
				require.NotEmpty(t, content)
				return
			}
			require.ErrorContains(t, err, test.refusal)
			require.NotErrorIs(t, err, fs.ErrNotExist)
		})
	}
}

func TestMissingFileIsNotExist(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"none", "none/file"} {
		_, err := Read(t.Context(), w.path(name), 0, limit)
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
}

// A user may name a file of their own relative to the current directory.
func TestRelativeNameIsAccepted(t *testing.T) {
	w := newWorld(t)
	t.Chdir(w.dir)
	content, err := Read(t.Context(), "sub/../sub/file", 0, limit)
	require.NoError(t, err)
	require.Equal(t, "words", string(content))
}

// Opening a FIFO that nobody writes to would block forever.
func TestFIFOIsRefusedWithoutWaiting(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	ended := make(chan error, 1)
	go func() {
		_, err := ReadUntrusted(fifo, 10)
		ended <- err
	}()
	select {
	case err := <-ended:
		require.ErrorContains(t, err, "not a regular file")
	case <-time.After(10 * time.Second):
		t.Fatal("ReadUntrusted blocks on a FIFO")
	}
}

// A file system that hangs must not cost more time than the budget.
func TestReadingEndsWithTheContext(t *testing.T) {
	spent := errors.New("the budget is spent")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(spent)
	for range 100 { // the file may have been read first
		_, err := Read(ctx, "/does/not/exist", 0, limit)
		if errors.Is(err, spent) {
			return
		}
	}
	t.Fatal("Read did not return when its context ended")
}

// The owner of a directory keeps swapping a link in it. Read must never return what the
// link leads to.
func TestLinkSwappedDuringTheCheckIsNotFollowed(t *testing.T) {
	w := newWorld(t)
	other := w.path("other")
	require.NoError(t, errors.Join(os.Mkdir(other, 0o755), os.Chown(other, nobody, 0)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			_ = os.Symlink(w.file, filepath.Join(other, "new"))
			_ = os.Rename(filepath.Join(other, "new"), filepath.Join(other, "link"))
			_ = os.WriteFile(filepath.Join(other, "new"), []byte("lies"), 0o644)
			_ = os.Rename(filepath.Join(other, "new"), filepath.Join(other, "link"))
		}
	}()
	for range 2000 {
		_, err := Read(t.Context(), filepath.Join(other, "link"), 0, limit)
		require.ErrorContains(t, err, `other" is owned by uid 65534`)
	}
	cancel()
	<-ended
}

// Program may return the name itself only if nobody but root can change where its links
// lead.
func TestProgramKeepsLinksOnlyIfRootControlsThem(t *testing.T) {
	file := func(mode fs.FileMode, uid uint32) *fstest.MapFile {
		return &fstest.MapFile{Mode: mode, Sys: &syscall.Stat_t{Uid: uid}}
	}
	link := func(to string) *fstest.MapFile {
		return &fstest.MapFile{Mode: fs.ModeSymlink | 0o777, Data: []byte(to), Sys: &syscall.Stat_t{}}
	}
	root := fstest.MapFS{
		".": file(fs.ModeDir|0o755, 0), "usr": file(fs.ModeDir|0o755, 0), "usr/bin": file(fs.ModeDir|0o755, 0),
		"usr/bin/x": file(0o755, 0), "usr/bin/link": link("x"), "bin": link("usr/bin"),
		"home": file(fs.ModeDir|0o755, 1000), "home/link": link("/usr/bin/x"), "home/x": file(0o755, 0),
		"tmp": file(fs.ModeDir|fs.ModeSticky|0o777, 0), "tmp/x": file(0o755, 0),
	}
	for name, want := range map[string]string{
		"/usr/bin/x": "/usr/bin/x", "/usr/bin/link": "/usr/bin/link", "/bin/link": "/bin/link", "/home/link": "/usr/bin/x",
	} {
		got, err := Program(root, name, nil)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for name, reason := range map[string]string{
		"/home/x":  `"/home" is owned by uid 1000, expected root; run: chown root /home`,
		"/tmp/x":   `"/tmp" may be written to`, // sshd makes no exception for sticky directories
		"/usr/bin": `"/usr/bin" is not a regular file`,
	} {
		_, err := Program(root, name, nil)
		require.ErrorContains(t, err, reason)
	}
	asked := []string{}
	refusal := errors.New("closed")
	_, err := Program(root, "/bin/link", func(path string, _ fs.FileInfo) error {
		asked = append(asked, path)
		if path == "/usr" {
			return refusal
		}
		return nil
	})
	require.ErrorIs(t, err, refusal)
	require.Equal(t, []string{"/usr/bin/x", "/usr/bin", "/usr"}, asked)
}

func TestResolveMissing(t *testing.T) {
	root := fstest.MapFS{
		"etc/ssh":  {Mode: fs.ModeSymlink | 0o777, Data: []byte("/srv/ssh")},
		"srv/ssh":  {Mode: fs.ModeDir | 0o755},
		"etc/loop": {Mode: fs.ModeSymlink | 0o777, Data: []byte("loop")},
	}
	for name, want := range map[string]string{
		"/etc/ssh/sshd_config.d/10-eic.conf": "/srv/ssh/sshd_config.d/10-eic.conf",
		"/etc/ssh":                           "/srv/ssh",
		"/none/../etc":                       "/etc",
		"/etc/loop/x":                        "/etc/loop/x\x00",
	} {
		require.Equal(t, want, ResolveMissing(root, name))
	}
}
