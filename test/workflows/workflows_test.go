// Package workflows checks the workflows for GitHub Actions, which cannot run locally: their
// syntax, and that they have no more permissions and secrets than they need.
package workflows

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"github.com/stretchr/testify/require"
)

const directory = "../../.github/workflows"

// files returns the text of each workflow by its name.
func files(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(directory, "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	texts := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		texts[filepath.Base(path)] = string(text)
	}
	return texts
}

func parsed(t *testing.T, text string) *actionlint.Workflow {
	t.Helper()
	workflow, errs := actionlint.Parse([]byte(text))
	require.Empty(t, errs)
	return workflow
}

// actionlint runs as a library, so that "make check" needs only Go.
func TestActionlintReportsNothing(t *testing.T) {
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	require.NoError(t, err)
	for name, text := range files(t) {
		findings, err := linter.Lint(name, []byte(text), nil)
		require.NoError(t, err)
		for _, finding := range findings {
			t.Errorf("%s", finding)
		}
	}
}

// A tag can be moved to other code, but a commit cannot.
func TestActionsAndContainersArePinned(t *testing.T) {
	for name, text := range files(t) {
		for _, job := range parsed(t, text).Jobs {
			if job.Container != nil {
				require.Regexp(t, `@sha256:[0-9a-f]{64}$`, job.Container.Image.Value, name)
			}
			require.Nil(t, job.WorkflowCall, name)
			for _, step := range job.Steps {
				action, ok := step.Exec.(*actionlint.ExecAction)
				if !ok {
					continue
				}
				require.Regexp(t, `^[A-Za-z0-9_/-]+@[0-9a-f]{40}$`, action.Uses.Value, name)
				require.Regexp(t, regexp.QuoteMeta(action.Uses.Value)+` # v\d+\.\d+\.\d+\n`, text, "%s must name the version of the action in a comment", name)
			}
		}
	}
}

// permissions are those of jobs that may do more than read the code, by workflow and job.
var permissions = map[string]map[string]string{
	"release.yml attest":  {"id-token": "write", "attestations": "write"},
	"release.yml publish": {"contents": "write"},
}

func TestJobsHaveOnlyListedPermissions(t *testing.T) {
	for name, text := range files(t) {
		workflow := parsed(t, text)
		require.NotNil(t, workflow.Permissions, name)
		require.Nil(t, workflow.Permissions.All, name)
		require.Empty(t, workflow.Permissions.Scopes, "%s must give permissions to each job separately", name)
		for _, event := range workflow.On {
			require.NotContains(t, []string{"pull_request_target", "workflow_run"}, event.EventName(), "%s would run code of pull requests with this repository's secrets", name)
		}
		for id, job := range workflow.Jobs {
			where := name + " " + id
			require.NotNil(t, job.Permissions, where)
			require.Nil(t, job.Permissions.All, where)
			expected, more := permissions[where]
			if !more {
				expected = map[string]string{"contents": "read"}
			}
			got := map[string]string{}
			for scope, permission := range job.Permissions.Scopes {
				got[scope] = permission.Value.Value
			}
			require.Equal(t, expected, got, where)
			require.NotNil(t, job.TimeoutMinutes, where)
		}
	}
}

// Every later step could read the token that actions/checkout leaves in .git.
func TestCheckoutDoesNotPersistCredentials(t *testing.T) {
	for name, text := range files(t) {
		require.Equal(t, strings.Count(text, "uses: actions/checkout@"), strings.Count(text, "persist-credentials: false"), name)
	}
}

// Only steps with our own code may get secrets, never actions of others.
func TestActionsGetNoSecrets(t *testing.T) {
	for name, text := range files(t) {
		workflow := parsed(t, text)
		require.Nil(t, workflow.Env, name)
		for _, job := range workflow.Jobs {
			require.Nil(t, job.Env, name)
			for _, step := range job.Steps {
				if action, ok := step.Exec.(*actionlint.ExecAction); ok {
					require.NotContains(t, fmt.Sprint(inputs(action)), "secrets.", "%s: %s", name, action.Uses.Value)
					require.Nil(t, step.Env, "%s: %s", name, action.Uses.Value)
				}
			}
		}
	}
}

func inputs(action *actionlint.ExecAction) []string {
	var values []string
	for _, input := range action.Inputs {
		values = append(values, input.Value.Value)
	}
	return values
}
