//go:build packages

package packages

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A component is what of AWSTOE's document schema 1.0 the component uses (EC2
// Image Builder User Guide, "Use component documents").
type component struct {
	Name          string
	Description   string
	SchemaVersion json.Number `json:"schemaVersion"`
	Parameters    []map[string]struct {
		Type, Description string
	}
	Phases []struct {
		Name  string
		Steps []struct {
			Name, Action string
			MaxAttempts  int `json:"maxAttempts"`
			Inputs       json.RawMessage
		}
	}
}

func readComponent(t *testing.T) component {
	t.Helper()
	var c component
	require.NoError(t, strictly(fromYAML(t, "image-builder.yaml"), &c))
	return c
}

// fromYAML returns a file of packaging/ami as JSON.
func fromYAML(t *testing.T, name string) []byte {
	t.Helper()
	return []byte(open(t, "tools").must(
		`python3 -c 'import json, yaml; print(json.dumps(yaml.safe_load(open("/src/packaging/ami/` + name + `"))))'`))
}

func TestImageBuilderComponent(t *testing.T) {
	c := readComponent(t)
	require.Equal(t, "1.0", c.SchemaVersion.String())
	parameters := map[string]bool{}
	for _, parameter := range c.Parameters {
		require.Len(t, parameter, 1)
		for name, p := range parameter {
			require.Regexp(t, `^[A-Za-z0-9_-]{3,128}$`, name)
			require.Equal(t, "string", p.Type)
			parameters[name] = true
		}
	}
	var phases []string
	for _, phase := range c.Phases {
		phases = append(phases, phase.Name)
		for _, step := range phase.Steps {
			require.Contains(t, actions(), step.Action)
			for _, reference := range regexp.MustCompile(`{{ *([^ }]+) *}}`).FindAllStringSubmatch(string(step.Inputs), -1) {
				require.True(t, parameters[reference[1]], "%s refers to %s", step.Name, reference[1])
			}
		}
	}
	require.Equal(t, []string{"build", "validate", "test"}, phases)
}

// An action is an action module, as far as the component needs it: what it takes
// is checked, and done.
type action func(t *testing.T, m machine, inputs json.RawMessage)

func actions() map[string]action {
	return map[string]action{
		"ExecuteBash": func(t *testing.T, m machine, inputs json.RawMessage) {
			var in struct{ Commands []string }
			require.NoError(t, strictly(inputs, &in))
			m.must("/bin/bash", "-ec", strings.Join(in.Commands, "\n"))
		},
		"CreateFolder": func(t *testing.T, m machine, inputs json.RawMessage) {
			var in []struct{ Path string }
			require.NoError(t, strictly(inputs, &in))
			require.NoError(t, os.Mkdir(m.Path(in[0].Path), 0o755))
		},
		// The folder it downloads to must be there.
		"S3Download": func(t *testing.T, m machine, inputs json.RawMessage) {
			var in []struct{ Source, Destination string }
			require.NoError(t, strictly(inputs, &in))
			require.Regexp(t, `^s3://.*/\*$`, in[0].Source)
			require.Regexp(t, `^/.*/$`, in[0].Destination)
			require.DirExists(t, m.Path(in[0].Destination))
			m.copyPackages(in[0].Destination)
		},
		"DeleteFolder": func(t *testing.T, m machine, inputs json.RawMessage) {
			var in []struct {
				Path  string
				Force bool
			}
			require.NoError(t, strictly(inputs, &in))
			require.True(t, in[0].Force, "it is not empty")
			require.NoError(t, os.RemoveAll(m.Path(in[0].Path)))
		},
	}
}

// strictly decodes JSON that may have no other fields.
func strictly(text []byte, into any) error {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// The component's steps make an image of which the last says that it is well.
func TestImageBuilderStepsBakeAnImage(t *testing.T) {
	m := start(t, "trixie")
	before := m.listing()
	for _, phase := range readComponent(t).Phases {
		for _, step := range phase.Steps {
			require.Contains(t, actions(), step.Action)
			actions()[step.Action](t, m, step.Inputs)
		}
	}
	m.requireLogin()
	m.must("/usr/bin/dpkg", "-P", "eic")
	m.requireListing(before)
}

// The commands of the user data, with the package at hand instead of far away.
func TestCloudInitUserData(t *testing.T) {
	var userData struct{ Runcmd []string }
	require.NoError(t, strictly(fromYAML(t, "cloud-init.yaml"), &userData))
	script := asBuilt(t, strings.Join(userData.Runcmd, "\n")) // that is what cloud-init makes of it
	m := start(t, "bookworm")
	m.copyPackages("/srv/packages")
	script = strings.ReplaceAll(script, "https://packages.example.com/", "file:///srv/packages/")
	require.NotZero(t, m.run("/bin/sh", "-c", script).Status, "the package's sum is not the one in the template")
	require.False(t, m.hasUser("_eic"))

	text, err := os.ReadFile(file(t, newDeb))
	require.NoError(t, err)
	script = strings.ReplaceAll(script, strings.Repeat("0", 64), fmt.Sprintf("%x", sha256.Sum256(text)))
	m.must("/bin/sh", "-c", script)
	m.requireLogin()
}
