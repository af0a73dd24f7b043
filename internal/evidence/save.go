package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"eic/internal/trustedfile"
)

// Evidence names IAM principals, so only its owner may read it, whatever the umask.
const (
	directoryMode = 0o700
	fileMode      = 0o600
)

// Directory is an empty directory to save a Record in.
type Directory struct {
	root *os.Root
	path string
}

// Create creates the directory, or opens an existing one that is empty, owned by the
// caller, and closed to everybody else. Its parent must exist. Nobody but root and the
// caller may be able to replace any part of the path. A symbolic link is refused. The
// caller must call Close.
func Create(name string) (*Directory, error) {
	d, err := create(name)
	if err != nil {
		return nil, fmt.Errorf("the directory for the evidence, %q: %w", name, err)
	}
	return d, nil
}

func create(name string) (*Directory, error) {
	if err := trustedfile.CheckDirectory(filepath.Dir(filepath.Clean(name)), os.Getuid()); err != nil {
		return nil, err
	}
	err := os.Mkdir(name, directoryMode)
	made := err == nil
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if err := checkPrivate(name, info); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	d := &Directory{root, name}
	if made {
		err = root.Chmod(".", directoryMode)
	} else {
		err = d.mustBeEmpty()
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// checkPrivate refuses anything but a directory that only the caller can access.
func checkPrivate(name string, info fs.FileInfo) error {
	stat, known := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("not a directory (%s); name an empty directory, or one that does not exist", info.Mode())
	case !known || int(stat.Uid) != os.Getuid():
		return errors.New("owned by another user; name a directory that does not exist")
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("accessible to others (mode %04o); run: chmod 700 %s", info.Mode().Perm(), name)
	}
	return nil
}

func (d *Directory) mustBeEmpty() error {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err == nil && len(entries) != 0 {
		return errors.New("not empty; name an empty directory, or one that does not exist")
	}
	return err
}

// Path returns a path by which this process reaches the directory.
func (d *Directory) Path() string { return d.path }

// HandOver gives the directory to another user, whom this process is about to become,
// and makes it the working directory: the user need not be able to reach its parents.
func (d *Directory) HandOver(uid, gid int) error {
	err := os.Chdir(d.path)
	if err == nil {
		d.path = "."
		err = d.root.Chown(".", uid, gid)
	}
	return err
}

// Close closes the directory.
func (d *Directory) Close() { _ = d.root.Close() } // nothing to flush

// Save writes the Record. It returns the SHA-256 digest of SHA256SUMS in hexadecimal.
// SHA256SUMS is written last, so that an incomplete directory lacks it.
func (d *Directory) Save(r Record) (string, error) {
	files, err := r.files()
	if err != nil {
		return "", fmt.Errorf("encoding the evidence: %w", err)
	}
	if len(r.Evidence.Signer.Staples) > 0 {
		if err := d.makeDirectory(stapleDirectory); err != nil {
			return "", fmt.Errorf("saving the evidence: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := d.write(name, files[name]); err != nil {
			return "", fmt.Errorf("saving the evidence: %w", err)
		}
	}
	sums := manifest(files)
	if err := d.write(manifestFile, sums); err != nil {
		return "", fmt.Errorf("saving the evidence: %w", err)
	}
	return digest(sums), nil
}

func (d *Directory) makeDirectory(name string) error {
	if err := d.root.Mkdir(name, directoryMode); err != nil {
		return err
	}
	return d.root.Chmod(name, directoryMode)
}

// write creates a file, which must not exist.
func (d *Directory) write(name string, content []byte) error {
	f, err := d.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	err = f.Chmod(fileMode)
	if err == nil {
		_, err = f.Write(content)
	}
	return errors.Join(err, f.Close())
}
