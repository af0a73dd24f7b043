package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"eic/internal/enable"
)

// writeSaved saves an entry in a file. If entry is nil, it removes the file.
func writeSaved(name string, entry *enable.Entry) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the file of an earlier entry: %w", err)
	}
	if entry == nil {
		return nil
	}
	text, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o600)
}

// readSaved returns the entry that writeSaved saved, or nil if there is no file.
func readSaved(name string) (*enable.Entry, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entry enable.Entry
	if err := json.Unmarshal(text, &entry); err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return &entry, nil
}
