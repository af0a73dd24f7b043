package main

import (
	"archive/zip"
	"io"
	"maps"
	"os"
	"slices"
)

// pack writes a zip archive of files; the keys are their names in the archive. The archive
// contains no times, so that the same files make the same archive.
func pack(w io.Writer, files map[string]string) error {
	z := zip.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text, err := os.ReadFile(files[name])
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(0o644) // the agent runs scripts with sh
		entry, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(text); err != nil {
			return err
		}
	}
	return z.Close()
}
