package instance

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestIdentify(t *testing.T) {
	for name, test := range map[string]struct {
		assetTag, xenUUID string
		want              Identity
	}{
		"Nitro": {
			assetTag: "i-0a3d2c84bcffb603b\n",
			want:     Identity{Nitro, "i-0a3d2c84bcffb603b"},
		},
		"Nitro with a short id": {
			assetTag: "i-1234abcd\n",
			want:     Identity{Nitro, "i-1234abcd"},
		},
		"Xen": {
			xenUUID: "ec2e1916-9099-7caf-fd21-012345abcdef\n",
			want:    Identity{Platform: Xen},
		},
		"Xen with an upper-case UUID": {
			xenUUID: "EC2E1916-9099-7CAF-FD21-012345ABCDEF\n",
			want:    Identity{Platform: Xen},
		},
		"Xen that is not EC2's": {
			xenUUID: "6c3f5a52-9099-7caf-fd21-012345abcdef\n",
			want:    Identity{Platform: None},
		},
		"a laptop without either file": {
			want: Identity{Platform: None},
		},
		"a board whose asset tag was never set": {
			assetTag: "Default string\n",
			want:     Identity{Platform: None},
		},
		"an asset tag that only starts like an id": {
			assetTag: "i-0a3d2c84bcffb603b/../x\n",
			want:     Identity{Platform: None},
		},
		"an empty file": {
			assetTag: "\n",
			xenUUID:  "\n",
			want:     Identity{Platform: None},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			if test.assetTag != "" {
				root[assetTagFile] = &fstest.MapFile{Data: []byte(test.assetTag)}
			}
			if test.xenUUID != "" {
				root[xenUUIDFile] = &fstest.MapFile{Data: []byte(test.xenUUID)}
			}
			got, err := Identify(root)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

type unreadable struct{ fs.FS }

func (u unreadable) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

func TestUnreadableIdentityFileIsAnError(t *testing.T) {
	got, err := Identify(unreadable{})
	require.ErrorIs(t, err, fs.ErrPermission)
	require.Zero(t, got)
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"i-0a3d2c84":                          true,
		"i-0a3d2c84bcffb603b":                 true,
		"i-0123456789abcdef0123456789abcdef":  true,
		"i-0123456789abcdef0123456789abcdef0": false,
		"i-0a3d2c8":                           false,
		"i-0A3D2C84":                          false,
		"i-0a3d2c8g":                          false,
		"m-0a3d2c84":                          false,
		" i-0a3d2c84":                         false,
		"i-0a3d2c84\n":                        false,
		"":                                    false,
		"i-":                                  false,
	} {
		require.Equal(t, want, ValidID(id), "%q", id)
	}
}
