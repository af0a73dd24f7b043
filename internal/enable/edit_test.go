package enable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sshd"
	"eic/internal/sshd/sshdtest"
)

func TestEditRefusesAPathThatSomebodyChangedMeanwhile(t *testing.T) {
	text := func(s string) node { return node{kind: file, data: []byte(s), mode: 0o644} }
	tests := map[string]struct {
		edit edit
		want string
	}{
		"changed file is not overwritten":                             {edit{"/changed", text("old"), text("new")}, "somebody else changed it in the meantime"},
		"new file is not overwritten":                                 {edit{"/changed", node{}, text("new")}, "somebody else changed it in the meantime"},
		"removed file is not created again":                           {edit{"/none", text("old"), text("new")}, "somebody else changed it in the meantime"},
		"new symbolic link is not followed":                           {edit{"/link", node{}, text("new")}, "somebody else changed it in the meantime"},
		"symbolic link to another file than /dev/null is not removed": {edit{"/link", node{kind: mask}, node{}}, "somebody else changed it in the meantime"},
		"directory is not removed as a file":                          {edit{"/directory", text(""), node{}}, "somebody else changed it in the meantime"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := sshdtest.NewTree(t, map[string]string{"changed": "by an editor", "directory/x": ""})
			require.NoError(t, os.Symlink("changed", filepath.Join(root, "link")))
			before := sshdtest.Snapshot(t, root)
			require.ErrorContains(t, test.edit.apply(sshd.NewTree(root)), test.want)
			require.Equal(t, before, sshdtest.Snapshot(t, root))
		})
	}
}

func TestCarryOutUndoesTheEditsIfTheCheckFails(t *testing.T) {
	root := sshdtest.NewTree(t, map[string]string{"etc/file": "old", "etc/gone": "x"})
	before := sshdtest.Snapshot(t, root)
	text := func(s string) node { return node{kind: file, data: []byte(s), mode: 0o644} }
	edits := []edit{
		{"/etc/directory", node{}, node{kind: directory, mode: 0o755}},
		{"/etc/directory/mask", node{}, node{kind: mask}},
		{"/etc/file", text("old"), text("new")},
		{"/etc/gone", text("x"), node{}},
		{"/etc/made", node{}, text("y")},
	}
	refused := errors.New("refused")
	err := carryOut(t.Context(), sshd.NewTree(root), edits, func() error {
		require.Equal(t, "new", sshdtest.ReadFile(t, root, "etc/file"))
		require.NoFileExists(t, filepath.Join(root, "etc/gone"))
		return refused
	})
	require.ErrorIs(t, err, refused)
	require.Equal(t, before, sshdtest.Snapshot(t, root))

	t.Run("edits are undone if a later edit fails", func(t *testing.T) {
		err := carryOut(t.Context(), sshd.NewTree(root), append(edits, edit{"/etc/none", text("a"), text("b")}), func() error { return nil })
		require.ErrorContains(t, err, `changing "/etc/none"`)
		require.Equal(t, before, sshdtest.Snapshot(t, root))
	})
	t.Run("edit that cannot be undone is reported", func(t *testing.T) {
		err := carryOut(t.Context(), sshd.NewTree(root), edits[2:3], func() error {
			require.NoError(t, os.WriteFile(filepath.Join(root, "etc/file"), []byte("third"), 0o644))
			return refused
		})
		require.ErrorIs(t, err, refused)
		require.ErrorContains(t, err, `restoring "/etc/file"`)
		require.Equal(t, "third", sshdtest.ReadFile(t, root, "etc/file"))
	})
}

func TestWriteFileLeavesNoTemporaryFile(t *testing.T) {
	root := sshdtest.NewTree(t, map[string]string{"a/b": ""})
	before := sshdtest.Snapshot(t, root)
	require.Error(t, writeFile(filepath.Join(root, "a"), []byte("x"), 0o644), "expected an error, because the path is a directory")
	require.Equal(t, before, sshdtest.Snapshot(t, root))
	require.ErrorIs(t, writeFile(filepath.Join(root, "none/file"), nil, 0o644), os.ErrNotExist)
}
