package enable

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"eic/internal/sshd"
	"eic/internal/sshd/sshdtest"
)

// Marks of eic's block.
const (
	blockBegin   = "# BEGIN eic:"
	blockEnd     = "# END eic"
	checksumMark = "# checksum "
)

// TestMain removes the files that the tests' roots share.
func TestMain(m *testing.M) {
	os.Exit(sshdtest.Main(m))
}

// awsUnit returns the files of a machine with the unit drop-in of AWS's package.
func awsUnit() map[string]string {
	return map[string]string{
		"etc/ssh/sshd_config":                                            includeFirst,
		"usr/lib/systemd/system/ssh.service":                             "[Service]\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n",
		"usr/lib/systemd/system/ssh.service.d/ec2-instance-connect.conf": awsDropIn,
	}
}

func TestEnableKeepsOwnerModeAndLabelOfSSHDConfig(t *testing.T) {
	h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": "UsePAM yes\n"})}
	file := filepath.Join(h.Root, sshd.MainConfig)
	require.NoError(t, os.Chown(file, 12, 34))
	require.NoError(t, os.Chmod(file, 0o640))
	require.NoError(t, unix.Setxattr(file, "security.selinux", []byte("system_u:object_r:etc_t:s0\x00"), 0))
	require.NoError(t, unix.Setxattr(file, "user.site", []byte("x"), 0))
	before := sshdtest.Snapshot(t, h.Root)

	_, err := Add(t.Context(), h, Options{})
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode(), "mode of sshd_config lost")
	require.Equal(t, []uint32{12, 34}, []uint32{info.Sys().(*syscall.Stat_t).Uid, info.Sys().(*syscall.Stat_t).Gid}, "owner of sshd_config lost")
	label, err := attribute(file, "security.selinux")
	require.NoError(t, err)
	require.Equal(t, "system_u:object_r:etc_t:s0\x00", string(label), "SELinux label of sshd_config lost")

	_, err = Remove(t.Context(), h, false)
	require.NoError(t, err)
	require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
}

func TestEnableWritesThroughALinkedSSHDConfig(t *testing.T) {
	h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"srv/sshd_config": "UsePAM yes\n"})}
	require.NoError(t, os.Symlink("/srv/sshd_config", filepath.Join(h.Root, sshd.MainConfig)))
	before := sshdtest.Snapshot(t, h.Root)
	_, err := Add(t.Context(), h, Options{})
	require.NoError(t, err)
	require.Contains(t, sshdtest.ReadFile(t, h.Root, "srv/sshd_config"), blockBegin)
	_, err = Remove(t.Context(), h, false)
	require.NoError(t, err)
	require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
}

// If sshd refuses the new configuration or does not apply it, every file is restored.
func TestEnableUndoesItsChangesIfSSHDRefusesThem(t *testing.T) {
	onTest := func(more ...string) func(root string) sshd.Runner {
		return func(root string) sshd.Runner {
			return func(ctx context.Context, name string, args ...string) ([]byte, []byte, error) {
				if args[0] == "-t" {
					args = append(args, more...)
				}
				return sshd.Exec(root)(ctx, name, args...)
			}
		}
	}
	tests := map[string]struct {
		files map[string]string
		run   func(root string) sshd.Runner
		says  string
	}{
		"sshd -t refuses the drop-in": {
			map[string]string{"etc/ssh/sshd_config": includeFirst}, onTest("-o", "NoSuchOption=yes"), "NoSuchOption",
		},
		"sshd -t refuses the block in sshd_config": {
			map[string]string{"etc/ssh/sshd_config": "UsePAM yes\n"}, onTest("-o", "NoSuchOption=yes"), "eic restores the old one",
		},
		"sshd -t refuses, and AWS's unit drop-in is masked": {awsUnit(), onTest("-p", "none"), "eic restores the old one"},
		"sshd would run eic as another user": {
			map[string]string{"etc/ssh/sshd_config": includeFirst},
			func(root string) sshd.Runner {
				return func(ctx context.Context, name string, args ...string) ([]byte, []byte, error) {
					return sshd.Exec(root)(ctx, name, append(args, "-o", "AuthorizedKeysCommandUser=root")...)
				}
			}, `%u %f" as root; eic restores the old configuration`,
		},
		"sshd reads another file than sshd_config": {
			map[string]string{"etc/ssh/sshd_config": "UsePAM yes\n", "etc/other": "UsePAM no\n"},
			func(root string) sshd.Runner {
				return func(ctx context.Context, name string, args ...string) ([]byte, []byte, error) {
					return sshd.Exec(root)(ctx, name, append([]string{"-f", "/etc/other"}, args...)...)
				}
			}, `it would run "none" as none; eic restores the old configuration`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := sshdtest.NewRoot(t, test.files)
			before := sshdtest.Snapshot(t, root)
			_, err := Add(t.Context(), sshd.Host{Root: root, Run: test.run(root)}, Options{ReplaceInstanceConnect: true})
			require.ErrorContains(t, err, test.says)
			require.Equal(t, before, sshdtest.Snapshot(t, root))
		})
	}
}

func TestEnableUndoesItsChangesIfInterrupted(t *testing.T) {
	root := sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst})
	before := sshdtest.Snapshot(t, root)
	ctx, cancel := context.WithCancel(t.Context())
	h := sshd.Host{Root: root, Run: func(ctx context.Context, name string, args ...string) ([]byte, []byte, error) {
		if args[0] == "-t" {
			cancel()
		}
		return sshd.Exec(root)(ctx, name, args...)
	}}
	_, err := Add(ctx, h, Options{})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, before, sshdtest.Snapshot(t, root))
}

func TestEnableRefusesAnInvalidConfiguration(t *testing.T) {
	root := sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst + "NoSuchOption yes\n"})
	before := sshdtest.Snapshot(t, root)
	_, err := Add(t.Context(), sshd.Host{Root: root}, Options{})
	require.ErrorContains(t, err, "current configuration")
	require.ErrorContains(t, err, "NoSuchOption")
	require.Equal(t, before, sshdtest.Snapshot(t, root))
}

func TestEnableAgainReplacesTheFlags(t *testing.T) {
	for name, config := range map[string]string{"block in the drop-in": includeFirst, "block in sshd_config": "UsePAM yes\n"} {
		t.Run(name, func(t *testing.T) {
			h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": config})}
			before := sshdtest.Snapshot(t, h.Root)
			var states []string
			for _, flags := range [][]string{{"--budget", "5s"}, {"--deny-user", "root", "--trust-anchors", "/etc/pki/a b.pem"}, nil} {
				result, err := Add(t.Context(), h, Options{Flags: flags, Replace: true})
				require.NoError(t, err)
				require.True(t, result.Changed)
				states = append(states, sshdtest.Snapshot(t, h.Root))
			}
			e, err := h.Effective(t.Context(), sshd.Connection{User: "root"})
			require.NoError(t, err)
			require.Equal(t, "/usr/bin/eic authorized-keys %u %f", e.Command)
			require.Equal(t, 3, len(map[string]bool{states[0]: true, states[1]: true, states[2]: true}))

			_, err = Remove(t.Context(), h, false)
			require.NoError(t, err)
			require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
		})
	}
}

// A flag may restrict access. Giving another flag must not drop it.
func TestEnableRefusesToDropFlags(t *testing.T) {
	h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst})}
	before := []string{"--deny-user=root", "--key-options=command=\"/bin/a '100%'\"", "--config=/etc/eic.conf"}
	_, err := Add(t.Context(), h, Options{Flags: before})
	require.NoError(t, err)
	enabled := sshdtest.Snapshot(t, h.Root)
	now := []string{"--config=/etc/eic.conf", "--caller-env=true"}

	_, err = Add(t.Context(), h, Options{Flags: now})
	conflict := new(ConflictError)
	require.ErrorAs(t, err, &conflict)
	require.Contains(t, conflict.Problem, "--deny-user=root")
	require.Contains(t, conflict.Problem, "/bin/a '100%%'")
	require.NotContains(t, conflict.Problem, "eic.conf")
	require.Equal(t, enabled, sshdtest.Snapshot(t, h.Root))

	// The recommended command is parsed by a shell, as an administrator's would be.
	command, found := strings.CutPrefix(conflict.Run, "eic enable ")
	require.True(t, found, conflict.Run)
	said, err := exec.Command("/bin/sh", "-c", `printf '%s\n' `+command).Output()
	require.NoError(t, err)
	kept := strings.Split(strings.TrimSuffix(string(said), "\n"), "\n")
	require.Equal(t, append(before[:2:2], now...), kept)
	result, err := Add(t.Context(), h, Options{Flags: kept})
	require.NoError(t, err)
	require.Empty(t, result.Notes)
	result, err = Add(t.Context(), h, Options{Flags: append(before[:2:2], "--config=/etc/other.conf", "--caller-env=true")})
	require.NoError(t, err, "expected no conflict for a flag with a new value")
	require.True(t, result.Changed)
	now[0] = "--config=/etc/other.conf"

	result, err = Add(t.Context(), h, Options{Flags: now, Replace: true})
	require.NoError(t, err)
	require.Len(t, result.Notes, 1)
	require.Contains(t, result.Notes[0], "were dropped: --deny-user=root")
}

// --allow is repeatable, so a new rule must not replace the current one.
func TestEnableRefusesToDropAnAllowRule(t *testing.T) {
	h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst})}
	const operators, others = "--allow=root from arn:aws:sts::*:assumed-role/ops/*", "--allow=ec2-user from *"
	_, err := Add(t.Context(), h, Options{Flags: []string{operators}})
	require.NoError(t, err)
	_, err = Add(t.Context(), h, Options{Flags: []string{others}})
	conflict := new(ConflictError)
	require.ErrorAs(t, err, &conflict)
	require.Contains(t, conflict.Problem, "root from arn:aws:sts::*:assumed-role/ops/*")
	_, err = Add(t.Context(), h, Options{Flags: []string{operators, others}})
	require.NoError(t, err)
}

// A package upgrade calls Add again, with Keep and its default flags.
func TestUpgradeKeepsFlagsAndChainedCommand(t *testing.T) {
	files := awsUnit()
	files["etc/ssh/sshd_config.d/20-other.conf"] = otherCommand
	h := sshd.Host{Root: sshdtest.NewRoot(t, files)}
	upgrade := Options{Flags: []string{"--budget", "1s"}, ReplaceInstanceConnect: true, Keep: true}
	_, err := Add(t.Context(), h, Options{Flags: []string{"--deny-user", "100% \"root\""}, Chain: true, ReplaceInstanceConnect: true})
	require.NoError(t, err)
	enabled := sshdtest.Snapshot(t, h.Root)

	result, err := Add(t.Context(), h, upgrade)
	require.NoError(t, err)
	require.False(t, result.Changed)
	require.Equal(t, enabled, sshdtest.Snapshot(t, h.Root))

	t.Run("upgrade masks the drop-in of AWS's package again", func(t *testing.T) {
		require.NoError(t, os.Remove(filepath.Join(h.Root, "etc/systemd/system/ssh.service.d/ec2-instance-connect.conf")))
		result, err := Add(t.Context(), h, upgrade)
		require.NoError(t, err)
		require.True(t, result.Changed)
		require.Equal(t, enabled, sshdtest.Snapshot(t, h.Root))
	})
	t.Run("upgrade keeps an edited block", func(t *testing.T) {
		edited := strings.Replace(sshdtest.ReadFile(t, h.Root, sshd.DropIn), "--deny-user", "--allow-user", 1)
		sshdtest.PutFiles(t, h.Root, map[string]string{sshd.DropIn[1:]: edited})
		result, err := Add(t.Context(), h, upgrade)
		require.NoError(t, err)
		require.False(t, result.Changed)
		require.Contains(t, result.Notes[0], "left unchanged: "+sshd.DropIn)
		require.Equal(t, edited, sshdtest.ReadFile(t, h.Root, sshd.DropIn))
	})
	t.Run("upgrade with Keep enables eic if it is not enabled", func(t *testing.T) {
		h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst})}
		_, err := Add(t.Context(), h, upgrade)
		require.NoError(t, err)
		require.Contains(t, sshdtest.ReadFile(t, h.Root, sshd.DropIn), "--budget 1s")
	})
}

// sshd runs no command if its user does not exist. Removing AWS's package deletes its user,
// but a Match block may still name it.
func TestEnableNotesAnUnknownCommandUser(t *testing.T) {
	const matched = "Match Group ec2i\nAuthorizedKeysCommand /usr/share/ec2-instance-connect/eic_run_authorized_keys %u %f\n" +
		"AuthorizedKeysCommandUser ec2-instance-connect\nMatch User git\nAuthorizedKeysCommandUser root\n"
	h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": "UsePAM no\n" + matched})}
	result, err := Add(t.Context(), h, Options{})
	require.NoError(t, err)
	require.Contains(t, result.Notes, `/etc/ssh/sshd_config:9: there is no user "ec2-instance-connect", so sshd runs the command for no login that matches "Group ec2i"; `+
		"write there instead: AuthorizedKeysCommandUser "+sshd.CommandUser)
	require.NotContains(t, strings.Join(result.Notes, "\n"), `no user "root"`)

	sshdtest.PutFiles(t, h.Root, map[string]string{"etc/passwd": "root:x:0:0::/:/bin/sh\nsshd:x:100:65534::/:/\n"})
	_, err = Add(t.Context(), h, Options{})
	require.ErrorContains(t, err, `creating the system user "_eic"`, "expected an error, because this root has no useradd")
}

func TestBlockKeepsItsPlaceWhileItApplies(t *testing.T) {
	h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": "UsePAM yes\n"})}
	_, err := Add(t.Context(), h, Options{})
	require.NoError(t, err)
	block := strings.TrimSuffix(sshdtest.ReadFile(t, h.Root, sshd.MainConfig), "UsePAM yes\n")

	t.Run("block after a comment keeps its place", func(t *testing.T) {
		sshdtest.PutFiles(t, h.Root, map[string]string{"etc/ssh/sshd_config": "# site\n" + block + "UsePAM yes\n"})
		result, err := Add(t.Context(), h, Options{})
		require.NoError(t, err)
		require.False(t, result.Changed)
		_, err = Add(t.Context(), h, Options{Flags: []string{"--budget", "5s"}})
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(sshdtest.ReadFile(t, h.Root, sshd.MainConfig), "# site\n"+blockBegin))
	})
	t.Run("block inside a Match block moves out of it", func(t *testing.T) {
		sshdtest.PutFiles(t, h.Root, map[string]string{"etc/ssh/sshd_config": "Match User git\n" + block})
		result, err := Add(t.Context(), h, Options{})
		require.NoError(t, err)
		require.True(t, result.Changed)
		require.Equal(t, block+"Match User git\n", sshdtest.ReadFile(t, h.Root, sshd.MainConfig))
	})
	t.Run("block before a new Include keeps its place", func(t *testing.T) {
		sshdtest.PutFiles(t, h.Root, map[string]string{"etc/ssh/sshd_config": block + includeFirst})
		result, err := Add(t.Context(), h, Options{})
		require.NoError(t, err)
		require.False(t, result.Changed)
	})
	t.Run("block moves to sshd_config if the Include is removed", func(t *testing.T) {
		sshdtest.PutFiles(t, h.Root, map[string]string{"etc/ssh/sshd_config": "UsePAM yes\n", "etc/ssh/sshd_config.d/10-eic.conf": block})
		_, err := Add(t.Context(), h, Options{})
		require.NoError(t, err)
		require.NoFileExists(t, filepath.Join(h.Root, sshd.DropIn))
		require.True(t, strings.HasPrefix(sshdtest.ReadFile(t, h.Root, sshd.MainConfig), blockBegin))
	})
}

// A file under /usr belongs to a package, whose upgrade would overwrite eic's lines.
func TestEnableDoesNotEditTheVendorFile(t *testing.T) {
	root := sshdtest.NewRoot(t, map[string]string{"usr/etc/ssh/sshd_config": "UsePAM yes\n"})
	before := sshdtest.Snapshot(t, root)
	h := sshd.Host{Root: root, Run: func(ctx context.Context, name string, args ...string) ([]byte, []byte, error) {
		return sshd.Exec(root)(ctx, name, append([]string{"-f", sshd.VendorConfig}, args...)...)
	}}
	_, err := Add(t.Context(), h, Options{})
	var conflict *ConflictError
	require.ErrorAs(t, err, &conflict)
	require.ErrorContains(t, err, "/usr/etc/ssh/sshd_config: eic's lines would have no effect")
	require.Equal(t, before, sshdtest.Snapshot(t, root))
}

// Somebody may depend on an edited block, so enable and disable refuse to change it.
func TestEditedBlockIsNeitherRewrittenNorRemoved(t *testing.T) {
	edits := map[string]func(string) string{
		"changed flag": func(s string) string {
			return strings.Replace(s, "authorized-keys ", "authorized-keys --log stderr ", 1)
		},
		"added line":                        func(s string) string { return strings.Replace(s, "# END", "LogLevel DEBUG\n# END", 1) },
		"removed end mark":                  func(s string) string { return strings.Replace(s, blockEnd, "", 1) },
		"removed checksum":                  func(s string) string { return strings.Replace(s, checksumMark, "# ", 1) },
		"second block":                      func(s string) string { return s + s },
		"changed AuthorizedKeysCommandUser": func(s string) string { return strings.Replace(s, "User _eic\n", "User root\n", 1) },
	}
	for name, edit := range edits {
		for place, config := range map[string]string{sshd.DropIn: includeFirst, sshd.MainConfig: "UsePAM yes\n"} {
			t.Run(name+" in "+filepath.Base(place), func(t *testing.T) {
				h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": config})}
				_, err := Add(t.Context(), h, Options{})
				require.NoError(t, err)
				text := sshdtest.ReadFile(t, h.Root, place)
				require.NotEqual(t, text, edit(text))
				sshdtest.PutFiles(t, h.Root, map[string]string{place[1:]: edit(text)})
				before := sshdtest.Snapshot(t, h.Root)

				var conflict *ConflictError
				_, err = Add(t.Context(), h, Options{})
				require.ErrorAs(t, err, &conflict)
				require.Equal(t, place, conflict.File)
				require.Equal(t, 1, conflict.Line)
				_, err = Remove(t.Context(), h, false)
				require.ErrorAs(t, err, &conflict)
				require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
			})
		}
	}
}

func TestEnableRefusesFlagsThatSSHDWouldMisread(t *testing.T) {
	tests := map[string]struct{ flag, says string }{
		"newline would start another directive":                {"x\nPermitRootLogin yes", "without control characters"},
		"carriage return would end the line":                   {"x\r", "without control characters"},
		"NUL byte would end the line":                          {"x\x00", "without control characters"},
		"number sign would start a comment in sshd before 8.7": {"http://[::1]/#a", "expected no #"},
		"flag is not UTF-8":                                    {"\xff", "expected UTF-8"},
		"line is longer than old versions of sshd read":        {strings.Repeat("x", 4096), "some versions of sshd read at most 4096"},
	}
	h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst})}
	before := sshdtest.Snapshot(t, h.Root)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Add(t.Context(), h, Options{Flags: []string{"--domain", test.flag}})
			require.ErrorContains(t, err, test.says)
			require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
		})
	}
}

// Version 2 of AWS's package writes a drop-in for sshd_config, which may remain after the
// package is removed. enable must recognize its command, and disable must say that this
// command applies again.
func TestConfigFileOfAWSPackageVersion2IsReplaced(t *testing.T) {
	const lines = "AuthorizedKeysCommand /opt/aws/bin/eic_run_authorized_keys %u %f\nAuthorizedKeysCommandUser ec2-instance-connect\n"
	h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst, sshd.AWSConfig[1:]: lines})}
	before := sshdtest.Snapshot(t, h.Root)
	_, err := Add(t.Context(), h, Options{})
	require.ErrorContains(t, err, sshd.AWSConfig+":1: AuthorizedKeysCommand is set already:")
	require.ErrorContains(t, err, "; run: eic enable --replace-ec2-instance-connect")
	require.Equal(t, before, sshdtest.Snapshot(t, h.Root))

	result, err := Add(t.Context(), h, Options{ReplaceInstanceConnect: true})
	require.NoError(t, err)
	require.Contains(t, strings.Join(result.Notes, "\n"), sshd.AWSConfig+":1: the command of AWS's package stays after eic's")
	e, err := h.Effective(t.Context(), sshd.Connection{User: "root"})
	require.NoError(t, err)
	require.Equal(t, "/usr/bin/eic authorized-keys %u %f", e.Command)

	result, err = Remove(t.Context(), h, false)
	require.NoError(t, err)
	require.Equal(t, []string{sshd.AWSConfig + ":1: the command of AWS's package is in force again; if that package is gone, run: rm " + sshd.AWSConfig}, result.Notes)
	require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
	result, err = Remove(t.Context(), h, false)
	require.NoError(t, err)
	require.Empty(t, result.Notes, "expected no note, because the first Remove already removed eic's lines")
}

func TestDropInOfAWSPackageIsMaskedAndRestored(t *testing.T) {
	h := sshd.Host{Root: sshdtest.NewRoot(t, awsUnit())}
	before := sshdtest.Snapshot(t, h.Root)
	_, err := Add(t.Context(), h, Options{})
	require.ErrorContains(t, err, "--replace-ec2-instance-connect")
	require.Equal(t, before, sshdtest.Snapshot(t, h.Root))

	result, err := Add(t.Context(), h, Options{ReplaceInstanceConnect: true})
	require.NoError(t, err)
	require.Contains(t, strings.Join(result.Notes, "\n"), "until it is restarted")
	target, err := os.Readlink(filepath.Join(h.Root, "etc/systemd/system/ssh.service.d/ec2-instance-connect.conf"))
	require.NoError(t, err)
	require.Equal(t, "/dev/null", target)
	found, err := sshd.Overrides(h.Tree())
	require.NoError(t, err)
	require.Empty(t, found)

	again, err := Add(t.Context(), h, Options{})
	require.NoError(t, err)
	require.False(t, again.Changed, "expected no change, because the drop-in is masked already")

	t.Run("removed mask is created again", func(t *testing.T) {
		require.NoError(t, os.Remove(filepath.Join(h.Root, "etc/systemd/system/ssh.service.d/ec2-instance-connect.conf")))
		_, err := Add(t.Context(), h, Options{})
		require.ErrorContains(t, err, "--replace-ec2-instance-connect")
		again, err := Add(t.Context(), h, Options{ReplaceInstanceConnect: true})
		require.NoError(t, err)
		require.True(t, again.Changed)
	})
	t.Run("disable keeps another drop-in next to the mask", func(t *testing.T) {
		own := filepath.Join(h.Root, "etc/systemd/system/ssh.service.d/own.conf")
		require.NoError(t, os.WriteFile(own, nil, 0o644))
		_, err := Remove(t.Context(), h, false)
		require.NoError(t, err)
		require.FileExists(t, own)
		require.NoError(t, os.RemoveAll(filepath.Join(h.Root, "etc/systemd")))
		require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
	})
	t.Run("disable keeps a file in place of the mask", func(t *testing.T) {
		_, err := Add(t.Context(), h, Options{ReplaceInstanceConnect: true})
		require.NoError(t, err)
		sshdtest.PutFiles(t, h.Root, map[string]string{"etc/systemd/system/ssh.service.d/ec2-instance-connect.conf": "[Service]\n"})
		result, err := Remove(t.Context(), h, false)
		require.NoError(t, err)
		require.Contains(t, strings.Join(result.Notes, "\n"), "was left alone")
		require.FileExists(t, filepath.Join(h.Root, "etc/systemd/system/ssh.service.d/ec2-instance-connect.conf"))
	})
}

func TestDisableRemovesOnlyWhatEicWrote(t *testing.T) {
	enabled := func(t *testing.T) sshd.Host {
		h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": includeFirst})}
		_, err := Add(t.Context(), h, Options{})
		require.NoError(t, err)
		return h
	}
	t.Run("eic's lines are restored if sshd needs them", func(t *testing.T) {
		h := enabled(t)
		sshdtest.PutFiles(t, h.Root, map[string]string{"etc/ssh/sshd_config.d/50-x.conf": "AuthorizedKeysCommand /usr/bin/other\n"})
		before := sshdtest.Snapshot(t, h.Root)
		_, err := Remove(t.Context(), h, false)
		require.ErrorContains(t, err, "without eic's lines (eic restores them)")
		require.ErrorContains(t, err, "without AuthorizedKeysCommandUser")
		require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
	})
	t.Run("eic's lines are removed from an invalid configuration", func(t *testing.T) {
		h := enabled(t)
		sshdtest.PutFiles(t, h.Root, map[string]string{"etc/ssh/sshd_config.d/50-x.conf": "NoSuchOption yes\n"})
		result, err := Remove(t.Context(), h, false)
		require.NoError(t, err)
		require.NoFileExists(t, filepath.Join(h.Root, sshd.DropIn))
		require.Contains(t, result.NotReloaded, "NoSuchOption")
	})
	t.Run("eic's drop-in is removed after sshd was removed", func(t *testing.T) {
		h := enabled(t)
		require.NoError(t, os.Remove(filepath.Join(h.Root, "usr/sbin/sshd")))
		require.NoError(t, os.Remove(filepath.Join(h.Root, sshd.MainConfig)))
		_, err := Remove(t.Context(), h, false)
		require.NoError(t, err)
		require.NoFileExists(t, filepath.Join(h.Root, sshd.DropIn))
	})
	t.Run("dry run removes nothing", func(t *testing.T) {
		h := enabled(t)
		before := sshdtest.Snapshot(t, h.Root)
		result, err := Remove(t.Context(), h, true)
		require.NoError(t, err)
		require.True(t, result.Changed)
		require.Contains(t, result.Diff, "\n-AuthorizedKeysCommandUser _eic\n")
		require.Equal(t, before, sshdtest.Snapshot(t, h.Root))
	})
	t.Run("disable without eic's lines is no error", func(t *testing.T) {
		for _, files := range []map[string]string{{"etc/ssh/sshd_config": "UsePAM yes\n"}, {}} {
			result, err := Remove(t.Context(), sshd.Host{Root: sshdtest.NewRoot(t, files)}, false)
			require.NoError(t, err)
			require.False(t, result.Changed)
		}
	})
}

// patch(1) must turn the old files into those that enable writes.
func TestPatchAppliesTheDiffOfADryRun(t *testing.T) {
	for name, config := range map[string]string{"block in the drop-in": includeFirst, "block in sshd_config": "# site\nUsePAM yes\n"} {
		t.Run(name, func(t *testing.T) {
			h := sshd.Host{Root: sshdtest.NewRoot(t, map[string]string{"etc/ssh/sshd_config": config, "etc/ssh/sshd_config.d/50-x.conf": "UsePAM yes\n"})}
			result, err := Add(t.Context(), h, Options{DryRun: true, Flags: []string{"--deny-user", "root"}})
			require.NoError(t, err)
			patched := sshdtest.NewTree(t, map[string]string{"etc/ssh/sshd_config": config, "etc/ssh/sshd_config.d/50-x.conf": "UsePAM yes\n"})
			cmd := exec.Command("patch", "-p1", "-d", patched)
			cmd.Stdin = strings.NewReader(result.Diff)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))

			_, err = Add(t.Context(), h, Options{Flags: []string{"--deny-user", "root"}})
			require.NoError(t, err)
			for _, file := range []string{sshd.MainConfig, sshd.DropIn} {
				want, wantErr := os.ReadFile(filepath.Join(h.Root, file))
				got, gotErr := os.ReadFile(filepath.Join(patched, file))
				require.Equal(t, string(want), string(got))
				require.Equal(t, wantErr == nil, gotErr == nil)
			}
		})
	}
}
