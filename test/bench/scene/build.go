package scene

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"eic/test/host"
)

// RunnerFile is the command runner among what Build has built.
const RunnerFile = "runner"

// rootsFile has trust anchors that are built into eic.
const rootsFile = "roots.pem"

// Build builds all programs, in the same way, into a directory, for host.Run. eic and
// against may be files of builds of eic that were made before: the one to measure
// instead of building it, and another one.
func Build(eic, against string) func(ctx context.Context, dir string) error {
	return func(ctx context.Context, dir string) error {
		steps := []func() error{
			func() error { return host.Build(ctx, dir) },
			func() error { return copyRoots(ctx, dir) },
			func() error { return host.BuildRelease(ctx, filepath.Join(dir, string(Floor)), "eic/test/bench/floor") },
			func() error { return host.BuildRelease(ctx, filepath.Join(dir, RunnerFile), "eic/test/bench/runner") },
			func() error { return buildUnconfined(ctx, dir) },
		}
		for program, file := range map[Program]string{Eic: eic, Against: against} {
			if file != "" {
				steps = append(steps, func() error { return copyFile(filepath.Join(dir, string(program)), file) })
			}
		}
		for _, step := range steps {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	}
}

// installed are the programs beside eic that were built.
func installed() []string {
	var names []string
	for _, p := range []Program{Floor, Unconfined, Against} {
		if _, err := os.Stat(filepath.Join(host.Prepared(), string(p))); err == nil {
			names = append(names, string(p))
		}
	}
	return names
}

// Installed reports whether a program was built.
func Installed(p Program) bool {
	_, err := os.Stat(filepath.Join(host.Prepared(), string(p)))
	return err == nil
}

func copyFile(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}

// confining is how the function begins that confines the process.
const confining = "func Confine(needs Needs) error {\n"

// buildUnconfined builds an eic that leaves out confining itself, and is otherwise
// the same: what it lacks is the cost of that.
func buildUnconfined(ctx context.Context, dir string) error {
	directory, err := directory(ctx, "eic/internal/confine")
	if err != nil {
		return err
	}
	file := filepath.Join(directory, "confine.go")
	source, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, after, found := strings.Cut(string(source), confining)
	if !found {
		return fmt.Errorf("%s has no %q, which was to be left out", file, confining)
	}
	with, overlay := filepath.Join(dir, "unconfined.go"), filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{file: with}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(with, []byte(before+confining+"if true {\nreturn nil\n}\n"+after), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(overlay, text, 0o644); err != nil {
		return err
	}
	return host.BuildRelease(ctx, filepath.Join(dir, string(Unconfined)), "eic/cmd/eic", "-overlay", overlay)
}

// copyRoots gathers the built-in trust anchors but two, those whose keys are like those
// of the simulator's roots, whose place these take.
func copyRoots(ctx context.Context, dir string) error {
	trust, err := directory(ctx, "eic/internal/trust")
	if err != nil {
		return err
	}
	var roots []byte
	for _, name := range []string{"amazon-root-ca-2.pem", "amazon-root-ca-3.pem", "amazon-root-ca-4.pem"} {
		text, err := os.ReadFile(filepath.Join(trust, "roots", name))
		if err != nil {
			return err
		}
		roots = append(roots, text...)
	}
	return os.WriteFile(filepath.Join(dir, rootsFile), roots, 0o644)
}

// directory is where a package's files are.
func directory(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", path).Output()
	if err != nil {
		return "", fmt.Errorf("looking for package %s: %w", path, err)
	}
	return strings.TrimSpace(string(out)), nil
}
