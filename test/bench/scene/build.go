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

// rootsFile has the trust anchors that are built into eic.
const rootsFile = "roots.pem"

// Build builds the programs, all in the same way, into a directory, for host.Run.
// eic and against may be files of builds of eic that were made before: the one to
// measure instead of building it, and another one.
func Build(eic, against string) func(ctx context.Context, dir string) error {
	return func(ctx context.Context, dir string) error {
		steps := []func() error{
			func() error { return obtain(ctx, eic, dir) },
			func() error { return build(ctx, dir, string(Floor), "eic/test/bench/floor") },
			func() error { return build(ctx, dir, RunnerFile, "eic/test/bench/runner") },
			func() error { return buildUnconfined(ctx, dir) },
			func() error { return copyRoots(ctx, dir) },
		}
		if against != "" {
			steps = append(steps, func() error { return copyFile(filepath.Join(dir, string(Against)), against) })
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

func obtain(ctx context.Context, eic, dir string) error {
	if eic == "" {
		return host.Build(ctx, dir)
	}
	return copyFile(filepath.Join(dir, string(Eic)), eic)
}

func copyFile(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}

// build builds a package as host.Build does eic.
func build(ctx context.Context, dir, name, path string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, name)}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, path)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", path, err, out)
	}
	return nil
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
	return build(ctx, dir, string(Unconfined), "eic/cmd/eic", "-overlay", overlay)
}

// copyRoots gathers the built-in trust anchors.
func copyRoots(ctx context.Context, dir string) error {
	trust, err := directory(ctx, "eic/internal/trust")
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(trust, "roots", "*.pem"))
	if err != nil {
		return err
	}
	var roots []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
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
