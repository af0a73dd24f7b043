package doctor

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"eic/test/host"
	"eic/test/host/hosttest"
)

// Programs that read the JSON output rely on docs/schema. The schemas refuse unknown fields.
func TestJSONOutputFollowsItsSchema(t *testing.T) {
	h := start(t, host.Options{})
	require.NoError(t, h.Configure("AllowUsers bob\n"+host.Packaged))
	key, err := h.NewKey("key", "ed25519")
	require.NoError(t, err)
	hosttest.Push(t, h, "alice", key)
	anchors := "--trust-anchors=" + host.TrustAnchors
	run := func(args ...string) string {
		return hosttest.Capture(t, h.Command("root", host.Binary, args...)).Stdout
	}
	require.NotEmpty(t, run("explain", "--save=/run/kept", anchors, "alice"))
	for name, try := range map[string]struct{ schema, output, has string }{
		"doctor":                    {"doctor", run("doctor", "--json", "--user=alice"), `"verdict": "broken"`},
		"doctor --offline":          {"doctor", run("doctor", "--json", "--offline"), `"id": "self-test"`},
		"explain":                   {"explain", run("explain", "--json", anchors, "alice"), `"id": "user-allowed"`},
		"explain without a key":     {"explain", run("explain", "--json", "--deny-user=alice", anchors, "alice"), `"user-denied"`},
		"explain without an answer": {"explain", run("explain", "--json", "--imds-endpoint=http://127.0.0.1:1", "alice"), `"failed"`},
		"verify":                    {"explain", run("verify", "--json", anchors, "/run/kept"), `"sha256sums_sha256"`},
		"version":                   {"version", run("version", "--json"), `"commit"`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, try.output, try.has)
			compiler := jsonschema.NewCompiler()
			compiler.AssertFormat()
			schema, err := compiler.Compile(filepath.Join("..", "..", "docs", "schema", try.schema+".json"))
			require.NoError(t, err)
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(try.output))
			require.NoError(t, err)
			require.NoError(t, schema.Validate(value))
			value.(map[string]any)["surprise"] = true
			require.Error(t, schema.Validate(value), "the schema must refuse unknown fields")
		})
	}
}
