// Command plot draws what the bench found out about growth, one SVG file for each
// thing that grows.
//
// usage: plot RESULTS.json DIRECTORY
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"eic/test/bench/results"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: plot RESULTS.json DIRECTORY")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

func run(file, dir string) error {
	found, err := results.Read(file)
	if err != nil {
		return err
	}
	for _, grown := range found.Growth {
		path := filepath.Join(dir, "growth-"+grown.Name+".svg")
		if err := os.WriteFile(path, draw(grown), 0o644); err != nil {
			return err
		}
		fmt.Println(path)
	}
	return nil
}
