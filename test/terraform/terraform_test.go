// Package terraform checks the example in packaging/terraform, as far as that is possible without
// Terraform and the provider's schema.
package terraform

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/stretchr/testify/require"
)

const example = "../../packaging/terraform"

// schema lists the required and the optional arguments of a block.
type schema struct{ required, optional []string }

// schemas returns the schemas of the blocks in the example (the AWS provider's documentation,
// version 5).
func schemas() map[string]schema {
	rule := schema{
		required: []string{"ip_protocol", "security_group_id"},
		optional: []string{"cidr_ipv4", "cidr_ipv6", "description", "from_port", "prefix_list_id", "referenced_security_group_id", "tags", "to_port"},
	}
	return map[string]schema{
		"data aws_caller_identity":                     {},
		"data aws_partition":                           {},
		"data aws_region":                              {},
		"data aws_iam_policy_document":                 {},
		"statement":                                    {[]string{"actions", "resources"}, []string{"effect", "sid"}},
		"condition":                                    {[]string{"test", "values", "variable"}, nil},
		"resource aws_ec2_instance_connect_endpoint":   {[]string{"subnet_id"}, []string{"preserve_client_ip", "security_group_ids", "tags"}},
		"resource aws_iam_policy":                      {[]string{"policy"}, []string{"description", "name", "name_prefix", "path", "tags"}},
		"resource aws_security_group":                  {nil, []string{"description", "name", "name_prefix", "tags", "vpc_id"}},
		"resource aws_vpc_security_group_egress_rule":  rule,
		"resource aws_vpc_security_group_ingress_rule": rule,
		"variable":                                     {nil, []string{"default", "description", "type"}},
		"output":                                       {[]string{"value"}, []string{"description"}},
		"terraform":                                    {nil, []string{"required_version"}},
		"required_providers":                           {[]string{"aws"}, nil},
	}
}

// blocks returns the blocks of all files, including nested blocks.
func blocks(t *testing.T) []*hclsyntax.Block {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(example, "*.tf"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var found []*hclsyntax.Block
	for _, name := range files {
		parsed, diagnostics := hclparse.NewParser().ParseHCLFile(name)
		require.False(t, diagnostics.HasErrors(), "%v", diagnostics)
		body, ok := parsed.Body.(*hclsyntax.Body)
		require.True(t, ok)
		found = append(found, within(body.Blocks)...)
	}
	return found
}

func within(outer hclsyntax.Blocks) []*hclsyntax.Block {
	var found []*hclsyntax.Block
	for _, b := range outer {
		found = append(append(found, b), within(b.Body.Blocks)...)
	}
	return found
}

// kind returns the key of a block in schemas, such as "resource aws_iam_policy".
func kind(b *hclsyntax.Block) string {
	if b.Type == "data" || b.Type == "resource" {
		return b.Type + " " + b.Labels[0]
	}
	return b.Type
}

func TestExampleIsFormatted(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(example, "*.tf"))
	require.NoError(t, err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, string(hclwrite.Format(text)), string(text), name)
	}
}

func TestBlocksHaveOnlyArgumentsOfTheProvider(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range blocks(t) {
		if b.Type == "locals" {
			continue
		}
		s, known := schemas()[kind(b)]
		require.True(t, known, "%s: no schema of %s", b.TypeRange, kind(b))
		seen[kind(b)] = true
		for _, name := range s.required {
			require.Contains(t, b.Body.Attributes, name, "%s: %s", b.TypeRange, kind(b))
		}
		for name, a := range b.Body.Attributes {
			require.True(t, slices.Contains(s.required, name) || slices.Contains(s.optional, name), "%s: %s has no argument %s", a.NameRange, kind(b), name)
		}
		if kind(b) == "variable" || kind(b) == "output" {
			require.Contains(t, b.Body.Attributes, "description", "%s", b.LabelRanges)
		}
	}
	for name := range schemas() {
		require.True(t, seen[name], "the example has no %s", name)
	}
}

// names returns the names that a block declares, as references use them.
func names(b *hclsyntax.Block) []string {
	switch b.Type {
	case "resource":
		return []string{b.Labels[0] + "." + b.Labels[1]}
	case "data":
		return []string{"data." + b.Labels[0] + "." + b.Labels[1]}
	case "variable":
		return []string{"var." + b.Labels[0]}
	case "locals":
		var locals []string
		for name := range b.Body.Attributes {
			locals = append(locals, "local."+name)
		}
		return locals
	default:
		return nil
	}
}

// reference returns the name that an expression refers to.
func reference(t *testing.T, traversal hcl.Traversal) string {
	t.Helper()
	name := traversal.RootName()
	parts := 1
	if name == "data" {
		parts = 2
	}
	for _, step := range traversal[1 : parts+1] {
		attribute, ok := step.(hcl.TraverseAttr)
		require.True(t, ok, "%s", traversal.SourceRange())
		name += "." + attribute.Name
	}
	return name
}

func TestEveryReferenceIsDeclared(t *testing.T) {
	declared, used := map[string]bool{}, map[string]bool{}
	for _, b := range blocks(t) {
		for _, name := range names(b) {
			require.False(t, declared[name], "%s is declared twice", name)
			declared[name] = true
		}
	}
	for _, b := range blocks(t) {
		for name, a := range b.Body.Attributes {
			if b.Type == "variable" && name == "type" || b.Type == "required_providers" {
				continue // types look like references
			}
			for _, traversal := range a.Expr.Variables() {
				name := reference(t, traversal)
				require.True(t, declared[name], "%s: nothing declares %s", traversal.SourceRange(), name)
				used[name] = true
			}
		}
	}
	for _, b := range blocks(t) {
		if b.Type != "resource" {
			for _, name := range names(b) {
				require.True(t, used[name], "nothing uses %s", name)
			}
		}
	}
}
