package evidence

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"

	"eic/internal/trustedfile"
)

// Load reads the Record in a directory. It also returns the SHA-256 digest of SHA256SUMS
// in hexadecimal. If a file was changed, removed or added since the Record was saved,
// Load returns an error that names the file.
func Load(directory string) (Record, string, error) {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return Record{}, "", fmt.Errorf("opening the evidence: %w", err)
	}
	defer root.Close() //nolint:errcheck // nothing was written
	r, sum, err := LoadFS(root.FS())
	if err != nil {
		return Record{}, "", fmt.Errorf("the evidence in %q: %w", directory, err)
	}
	return r, sum, nil
}

// LoadFS is Load for a directory in any file system, such as one embedded in the program.
func LoadFS(dir fs.FS) (Record, string, error) {
	found, err := readAll(dir)
	if err != nil {
		return Record{}, "", err
	}
	sums, ok := found[manifestFile]
	if !ok {
		return Record{}, "", fmt.Errorf("there is no %s; the directory was not saved completely, or the file was removed", manifestFile)
	}
	delete(found, manifestFile)
	digests, err := parseManifest(sums)
	if err != nil {
		return Record{}, "", err
	}
	if err := compare(found, digests); err != nil {
		return Record{}, "", err
	}
	r, err := fromFiles(found)
	return r, digest(sums), err
}

// compare returns an error that names every file that differs from what was saved.
func compare(found map[string][]byte, digests map[string]string) error {
	var changes []error
	for _, name := range slices.Sorted(maps.Keys(found)) {
		switch want, ok := digests[name]; {
		case !ok:
			changes = append(changes, fmt.Errorf("%q was added: it is not in %s", name, manifestFile))
		case digest(found[name]) != want:
			changes = append(changes, fmt.Errorf("%s was changed: its SHA-256 is %s, %s has %s", name, digest(found[name]), manifestFile, want))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(digests)) {
		if _, ok := found[name]; !ok {
			changes = append(changes, fmt.Errorf("%s was removed", name))
		}
	}
	return errors.Join(changes...)
}

// readAll returns the contents of every file in a directory and in its directory of
// staples, by name.
func readAll(dir fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, directory := range []string{".", stapleDirectory} {
		entries, err := list(dir, directory)
		if directory == stapleDirectory && (errors.Is(err, fs.ErrNotExist) || files[stapleDirectory] != nil) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			name := path.Join(directory, entry.Name())
			switch {
			case name == stapleDirectory && entry.IsDir():
				continue
			case !entry.Type().IsRegular():
				return nil, fmt.Errorf("%q was added: it is not a regular file", name)
			case len(files) == maxFiles:
				return nil, fmt.Errorf("more than %d files", maxFiles)
			}
			if files[name], err = readFile(dir, name); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// list returns the entries of a directory, but not many more than a saved directory may
// have.
func list(dir fs.FS, directory string) ([]fs.DirEntry, error) {
	f, err := dir.Open(directory)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	lister, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, fmt.Errorf("%q is not a directory", directory)
	}
	entries, err := lister.ReadDir(maxFiles + 2)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return entries, err
}

func readFile(dir fs.FS, name string) ([]byte, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	return trustedfile.ReadOpen(f, name, maxFile)
}
