package documents

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// longest is the maximum number of words in a sentence.
const longest = 40

// A reader reads a long sentence twice.
func TestSentencesAreShort(t *testing.T) {
	for page, text := range pages(t) {
		for _, sentence := range sentences(prose(text)) {
			requireShort(t, page, sentence)
		}
	}
	for _, file := range files(t, ".go") {
		for _, comment := range docComments(t, file) {
			for _, sentence := range sentences(comment) {
				requireShort(t, file, sentence)
			}
		}
	}
}

func requireShort(t *testing.T, place, sentence string) {
	t.Helper()
	if words := len(strings.Fields(sentence)); words > longest {
		t.Errorf("%s has a sentence of %d words: %s", place, words, sentence)
	}
}

var (
	fenced = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	// notProse matches lines of tables, headings, comments, indented code, and list items with
	// their continuation lines.
	notProse = regexp.MustCompile(`^(\||#|<|    |\t|[-*] |\d+\. |  |: )`)
)

// prose returns the paragraphs of a page, one per line.
func prose(page string) string {
	var paragraphs []string
	paragraph := ""
	for _, line := range append(strings.Split(fenced.ReplaceAllString(page, ""), "\n"), "") {
		if line == "" || notProse.MatchString(line) {
			paragraphs = append(paragraphs, paragraph)
			paragraph = ""
			continue
		}
		paragraph += " " + line
	}
	return strings.Join(paragraphs, "\n")
}

// ends matches the end of a sentence: its full stop, and the blank before the next sentence.
var ends = regexp.MustCompile("[.!?][)\"”*`]*(\\s+|$)")

// sentences splits paragraphs, one per line, into sentences.
func sentences(paragraphs string) []string {
	var found []string
	for _, paragraph := range strings.Split(paragraphs, "\n") {
		paragraph = strings.TrimSpace(paragraph)
		for paragraph != "" {
			end := len(paragraph)
			if at := ends.FindStringIndex(paragraph); at != nil {
				end = at[1]
			}
			found = append(found, strings.TrimSpace(paragraph[:end]))
			paragraph = paragraph[end:]
		}
	}
	return found
}

// docComments returns the doc comments of a file, one paragraph per line.
func docComments(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ParseComments)
	require.NoError(t, err)
	var found []string
	add := func(groups ...*ast.CommentGroup) {
		for _, group := range groups {
			if group != nil {
				found = append(found, prose(group.Text()))
			}
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.File:
			add(n.Doc)
		case *ast.FuncDecl:
			add(n.Doc)
		case *ast.GenDecl:
			add(n.Doc)
		case *ast.TypeSpec:
			add(n.Doc)
		case *ast.ValueSpec:
			add(n.Doc)
		case *ast.Field:
			add(n.Doc)
		}
		return true
	})
	return found
}

// The common words are directory, check or verify, and fix.
func TestUnwantedWordsAreNotUsed(t *testing.T) {
	unwanted := regexp.MustCompile(`(?i)\b(folders?|judg(e[sd]?|ing|ements?|ments?)|mend(s|ed|ing)?)\b`)
	// Actions of AWSTOE and SSM have these names.
	theirs := regexp.MustCompile(`\b(Create|Delete)Folder\b|^ *- name: Folder$`)
	for _, file := range files(t, "") {
		if !strings.HasPrefix(file, "cmd/") && !strings.HasPrefix(file, "internal/") && !strings.HasPrefix(file, "packaging/") &&
			!strings.HasPrefix(file, "docs/") && filepath.Ext(file) != ".md" || strings.Contains(file, "/testdata/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		for i, line := range strings.Split(string(text), "\n") {
			if word := unwanted.FindString(theirs.ReplaceAllString(line, "")); word != "" {
				t.Errorf("%s:%d has the word %q: %s", file, i+1, word, strings.TrimSpace(line))
			}
		}
	}
}
