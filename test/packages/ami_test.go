//go:build packages

package packages

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// component is the part of AWSTOE's document schema 1.0 that image-builder.yaml uses (EC2
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

func TestImageBuilderComponentFollowsItsSchema(t *testing.T) {
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

// action imitates an AWSTOE action module, as far as the component needs it: it checks the
// inputs and does the work.
type action func(t *testing.T, m machine, inputs json.RawMessage)

func actions() map[string]action {
	return map[string]action{
		"ExecuteBash": func(t *testing.T, m machine, inputs json.RawMessage) {
			var in struct{ Commands []string }
			require.NoError(t, strictly(inputs, &in))
			// The commands are one script, which continues after a failed command.
			m.must("/bin/bash", "-c", strings.Join(in.Commands, "\n"))
		},
		"CreateFolder": func(t *testing.T, m machine, inputs json.RawMessage) {
			var in []struct{ Path string }
			require.NoError(t, strictly(inputs, &in))
			require.NoError(t, os.Mkdir(m.Path(in[0].Path), 0o755))
		},
		// AWSTOE does not create the destination directory.
		"S3Download": func(t *testing.T, m machine, inputs json.RawMessage) {
			var in []struct{ Source, Destination string }
			require.NoError(t, strictly(inputs, &in))
			require.Regexp(t, `^s3://.*/\*$`, in[0].Source)
			require.Regexp(t, `^/.*/$`, in[0].Destination)
			require.DirExists(t, m.Path(in[0].Destination))
			m.copyFrom("signed", in[0].Destination)
		},
		"DeleteFolder": func(t *testing.T, m machine, inputs json.RawMessage) {
			var in []struct {
				Path  string
				Force bool
			}
			require.NoError(t, strictly(inputs, &in))
			require.True(t, in[0].Force, "the directory is not empty, so DeleteFolder needs force")
			require.NoError(t, os.RemoveAll(m.Path(in[0].Path)))
		},
	}
}

// strictly decodes JSON and fails on unknown fields.
func strictly(text []byte, into any) error {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// The component's steps bake an image, and its last step checks that image.
func TestImageBuilderStepsBakeAnImage(t *testing.T) {
	m := start(t, "trixie")
	before := m.listing()
	for _, phase := range readComponent(t).Phases {
		for _, step := range phase.Steps {
			require.Contains(t, actions(), step.Action)
			actions()[step.Action](t, m, withKey(t, step.Inputs, releaseKey))
		}
	}
	m.requireLogin()
	m.must("/usr/bin/dpkg", "-P", "eic")
	m.requireListing(before)
}

// withKey gives a step's inputs the parameter Key.
func withKey(t *testing.T, inputs json.RawMessage, key string) json.RawMessage {
	t.Helper()
	return json.RawMessage(strings.ReplaceAll(string(inputs), "{{ Key }}", base64Of(t, key)))
}

// An attacker who can write to the S3 bucket can replace every file in it, including the
// checksums and the script.
func TestImageBuilderInstallsNothingThatTheReleaseKeyDidNotSign(t *testing.T) {
	var download, install json.RawMessage
	for _, step := range readComponent(t).Phases[0].Steps {
		switch step.Name {
		case "Download":
			download = step.Inputs
		case "Install":
			install = step.Inputs
		}
	}
	for name, attack := range map[string]struct {
		key    string
		change func(m machine)
	}{
		"everything signed by another key": {key: otherKey, change: func(machine) {}},
		"package renamed, not in SHA256SUMS": {key: releaseKey, change: func(m machine) {
			m.must("/bin/sh", "-c", "cd /tmp/eic && mv eic_*_amd64.deb eic_0-1_amd64.deb")
		}},
		"extra package, not in SHA256SUMS": {key: releaseKey, change: func(m machine) {
			m.must("/bin/sh", "-c", "cd /tmp/eic && cp eic_*_amd64.deb eic_0-1_amd64.deb")
		}},
		"install.sh replaced": {key: releaseKey, change: func(m machine) { m.write("/tmp/eic/install.sh", "touch /run/attacked\n") }},
		"install.sh and SHA256SUMS replaced": {key: releaseKey, change: func(m machine) {
			m.must("/bin/sh", "-c", "cd /tmp/eic && echo touch /run/attacked > install.sh && sha256sum *.deb install.sh > SHA256SUMS")
		}},
		"SHA256SUMS.asc missing": {key: releaseKey, change: func(m machine) { require.NoError(m.t, os.Remove(m.Path("/tmp/eic/SHA256SUMS.asc"))) }},
	} {
		t.Run(name, func(t *testing.T) {
			m := start(t, "bookworm")
			require.NoError(t, os.MkdirAll(m.Path("/tmp/eic"), 0o755))
			actions()["S3Download"](t, m, download)
			attack.change(m)
			var in struct{ Commands []string }
			require.NoError(t, strictly(withKey(t, install, attack.key), &in))
			require.NotZero(t, m.run("/bin/bash", "-c", strings.Join(in.Commands, "\n")).Status)
			require.False(t, m.exists("/usr/bin/eic"))
			require.False(t, m.exists("/run/attacked"))
		})
	}
}

// The user data installs eic only from a repository that is signed with its key.
func TestCloudInitInstallsOnlyFromASignedRepository(t *testing.T) {
	var userData struct {
		WriteFiles []struct{ Path, Content string } `json:"write_files"`
		Runcmd     []string
	}
	require.NoError(t, strictly(fromYAML(t, "cloud-init.yaml"), &userData))
	require.Len(t, userData.WriteFiles, 1)
	script := strings.Join(userData.Runcmd, "\n") // cloud-init runs the commands as one script
	require.Contains(t, script, example)
	script = strings.ReplaceAll(script, example, repository(t))
	for family, startIt := range families() {
		t.Run(family, func(t *testing.T) {
			m := startIt(t)
			for _, key := range []string{userData.WriteFiles[0].Content, armored(t, otherKey)} {
				m.write(userData.WriteFiles[0].Path, key)
				require.NotZero(t, m.run("/bin/sh", "-c", script).Status, "installed from a repository that the key did not sign")
				require.False(t, m.exists("/usr/bin/eic"))
			}
			m.write(userData.WriteFiles[0].Path, armored(t, releaseKey))
			m.must("/bin/sh", "-c", script)
			m.requireLogin()
		})
	}
}
