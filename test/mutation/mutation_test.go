package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// gremlins must also change the conditions of cases, and functions that no test reaches.
func TestCoverageProfileIsExtendedToWholeFiles(t *testing.T) {
	profile := "mode: set\neic/internal/a/a.go:3.10,5.2 1 0\neic/internal/a/a.go:7.1,8.2 1 1\neic/internal/a/b.go:1.1,2.2 1 0\n"
	require.Equal(t, "mode: set\neic/internal/a/a.go:1.1,99999.1 1 1\neic/internal/a/b.go:1.1,99999.1 1 1\n", coverFiles(profile))
}

// A slow test that was renamed would run for each change.
func TestSlowTestsExist(t *testing.T) {
	var source []byte
	for _, name := range packages {
		files, err := filepath.Glob(filepath.Join("../../internal", name, "*_test.go"))
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			source = append(source, text...)
		}
	}
	for name := range strings.SplitSeq(strings.Trim(slow, "^()$"), "|") {
		require.Contains(t, string(source), "func "+name+"(")
	}
}

const report = `{"files": [{"file_name": "result.go", "mutations": [
	{"line": 1, "column": 3, "type": "A", "status": "KILLED"}, {"line": 1, "column": 3, "type": "B", "status": "LIVED"},
	{"line": 1, "column": 9, "type": "C", "status": "TIMED OUT"}, {"line": 1, "column": 8, "type": "D", "status": "NOT COVERED"},
	{"line": 1, "column": 1, "type": "E", "status": "NOT VIABLE"}]}]}`

// A change counts as noticed only if a test failed. Only changes that do not compile are left out.
func TestTimeoutsAndUncoveredChangesAreNotNoticed(t *testing.T) {
	r, err := readReport([]byte(report), ".")
	require.NoError(t, err)
	r.name = "a"
	require.InDelta(t, 25.0, r.noticed(), 0.01)
	require.Equal(t, `a: 25.0 % noticed: 1 noticed, 1 not, 1 ran out of time, 1 not tried; 1 do not compile; 0s
  lived: result.go:1:3 B: package main
  not covered: result.go:1:8 D: package main
  timed out: result.go:1:9 C: package main`, r.String())
}

func TestUnnoticedChangeNeedsAReason(t *testing.T) {
	r := result{name: "a", count: map[string]int{killed: 19, lived: 1}, missed: []mutation{{Line: 7, Type: "A", Status: lived, file: "b.go", text: "if x {"}}}
	require.Empty(t, r.failures("| `a/b.go`: `if x {` | a reason |"))
	require.Equal(t, []string{"a/b.go:7: not noticed, and without a reason in docs/explanation/mutation.md: A: if x {"}, r.failures("`a/b.go`: `if y {`"))
	r.count[lived]++
	require.Equal(t, []string{"a: 90.5 % noticed, expected at least 95 %"}, r.failures("`a/b.go`: `if x {`"))
}
