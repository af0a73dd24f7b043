package supplychain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The test checks functions, variables and constants. A type may be exported because others use
// its values. Of variables or constants that are declared together, one must be used. Those with
// a type of the package belong to the type.
func TestExportedNamesAreUsedByOtherPackages(t *testing.T) {
	declared, used := map[string][][]string{}, map[string]bool{}
	const root = "../.."
	for _, top := range []string{"cmd", "internal", "packaging", "test"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, top), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			here := path.Join("eic", filepath.ToSlash(filepath.Dir(strings.TrimPrefix(name, root))))
			if !strings.HasSuffix(name, "_test.go") {
				declared[here] = append(declared[here], exportedNames(file)...)
			}
			addUses(used, file)
			return nil
		}))
	}
	require.NotEmpty(t, declared)
	var unused []string
	for name, groups := range declared {
		for _, group := range groups {
			if !slices.ContainsFunc(group, func(exported string) bool { return used[name+"."+exported] }) {
				unused = append(unused, name+"."+strings.Join(group, ", "))
			}
		}
	}
	require.Empty(t, unused, "no other package uses these exported names: make them private")
}

// exportedNames returns the exported names in groups: each function alone, and variables and
// constants as they are declared together.
func exportedNames(file *ast.File) [][]string {
	var groups [][]string
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.IsExported() {
				groups = append(groups, []string{d.Name.Name})
			}
		case *ast.GenDecl:
			if group := exportedValues(d); group != nil {
				groups = append(groups, group)
			}
		}
	}
	return groups
}

func exportedValues(declaration *ast.GenDecl) []string {
	var exported []string
	for _, spec := range declaration.Specs {
		values, ok := spec.(*ast.ValueSpec)
		if !ok || values.Type != nil || values.Values == nil { // it has a type
			continue
		}
		for _, name := range values.Names {
			if name.IsExported() {
				exported = append(exported, name.Name)
			}
		}
	}
	return exported
}

// addUses adds the names that a file uses of its imported packages.
func addUses(used map[string]bool, file *ast.File) {
	imported := map[string]string{}
	for _, spec := range file.Imports {
		from, _ := strconv.Unquote(spec.Path.Value) // the parser has checked the quotes
		name := path.Base(from)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		imported[name] = from
	}
	ast.Inspect(file, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			if name, ok := selector.X.(*ast.Ident); ok {
				used[imported[name.Name]+"."+selector.Sel.Name] = true
			}
		}
		return true
	})
}
