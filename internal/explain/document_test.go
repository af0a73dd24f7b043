package explain

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs/reference/explain.md defines the schema.
func TestDocumentationListsEveryFieldReasonAndOutcome(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/explain.md")
	require.NoError(t, err)
	for _, name := range append(fields(reflect.TypeFor[Explanation]()), schema) {
		require.Contains(t, string(text), "`"+name+"`", "field of the JSON is undocumented")
	}
	for _, reason := range append(everyCause(), causePrinted, causeRefused, "undecided") {
		require.Contains(t, string(text), "`"+string(reason)+"`", "reason is undocumented")
	}
	for _, outcome := range []Outcome{Keys, NoKey, Failed} {
		require.Contains(t, string(text), "`"+string(outcome)+"`", "outcome is undocumented")
	}
}

// fields returns the JSON names of a type's fields, including those of nested types.
func fields(of reflect.Type) []string {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || of.PkgPath() == "time" {
		return nil
	}
	var names []string
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		names = append(append(names, name), fields(of.Field(i).Type)...)
	}
	return names
}
