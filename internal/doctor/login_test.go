package doctor_test

import (
	"testing"

	"eic/internal/doctor"
)

// named makes doctor check logins of alice, with these lines of sshd_config and this
// shadow entry.
func named(config, shadow string) func(*bench) {
	return func(b *bench) {
		b.User, b.Named = "alice", true
		b.asking.User = "alice"
		b.config = ourLine + userLine + config
		b.files["etc/passwd"] = owned(0o644, string(b.files["etc/passwd"].Data)+"alice:x:1000:1000::/home/alice:/bin/sh\n")
		b.files["etc/shadow"] = owned(0o640, shadow)
		b.files["bin/sh"] = owned(0o755, "ELF")
	}
}

// test/doctor shows with a real sshd what sshd itself refuses. These cases need PAM, or
// concern what doctor cannot know.
func TestUserThatSSHDMayRefuse(t *testing.T) {
	const usePAM = "UsePAM yes\n"
	file := func(config, name string) func(*bench) {
		return func(b *bench) { named(config, "")(b); b.files[name] = owned(0o644, "") }
	}
	requireTroubles(t, map[string]trouble{
		"account is locked, but PAM decides": {damage: named(usePAM, "alice:!:::::::\n"),
			check: "user-account", verdict: doctor.OK, found: "uid 1000"},
		"password expired, and PAM wants a new one": {damage: named(usePAM, "alice:*:0:0:99999::::\n"),
			check: "user-account", verdict: doctor.Warning, found: "wants a new one"},
		"password expired too long ago for PAM": {damage: named(usePAM, "alice:*:1:0:1:7:1::\n"),
			check: "user-account", verdict: doctor.Broken, found: "too long ago"},
		"password expired, but sshd does not use PAM": {damage: named("", "alice:*:1:0:1:7:1::\n"),
			check: "user-account", verdict: doctor.OK, found: "uid 1000"},
		"nologin in the run directory, with PAM": {damage: file(usePAM, "run/nologin"),
			check: "user-account", verdict: doctor.Broken, found: "/run/nologin exists"},
		"nologin in the run directory, which only PAM reads": {damage: file("", "run/nologin"),
			check: "user-account", verdict: doctor.OK, found: "uid 1000"},
		"shell is missing, but sshd does not check it with a chroot": {damage: func(b *bench) { named("ChrootDirectory /srv\n", "")(b); delete(b.files, "bin/sh") },
			check: "user-account", verdict: doctor.OK, found: "uid 1000"},
		"sss may know the user, but there is no getent": {damage: func(b *bench) {
			named("", "")(b)
			b.User, b.asking.User = "bob", "bob"
			sources("passwd: files sss")(b)
		},
			check: "user-account", verdict: doctor.NotChecked, found: "there is no getent"},
		"AllowUsers is not checked for an unknown user": {damage: func(b *bench) { named("AllowUsers x\n", "")(b); b.User, b.asking.User = "bob", "bob" },
			check: "user-allowed", verdict: doctor.NotChecked, found: `user "bob" was not found`},
		"user may log in from one network only": {damage: named("AllowUsers alice@10.0.0.0/8 bob\nDenyUsers alice@10.1.0.0/16\n", ""),
			check: "user-allowed", verdict: doctor.OK, found: `may log in, but not from ["10.1.0.0/16"], only from ["10.0.0.0/8"]`},
		"root login is not checked without sshd": {damage: func(b *bench) { named("", "")(b); b.config = "" },
			check: "root-login", verdict: doctor.NotChecked, found: "reported no settings"},
	})
}

// If the settings refuse every key for a user, doctor names the setting.
func TestUserWhomTheSettingsRefuse(t *testing.T) {
	flagged := func(flags string) func(*bench) {
		return func(b *bench) {
			named("", "")(b)
			b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys " + flags + " %u\n" + userLine
		}
	}
	requireTroubles(t, map[string]trouble{
		"user matches deny-user": {damage: flagged("--deny-user=root --deny-user=al*"), check: "user-policy", verdict: doctor.Warning,
			found: `user "alice" matches deny-user "al*", so every key`, remedy: "remove deny-user al*"},
		"user is not in allow-user": {damage: flagged("--allow-user=bob"), check: "user-policy", verdict: doctor.Warning,
			found: `matches none of allow-user ["bob"]`, remedy: "write allow-user alice"},
		"no allow rule names the user": {damage: flagged(`"--allow=root from arn:aws:*" "--allow=b* from *"`), check: "user-policy", verdict: doctor.Warning,
			found: `no rule allows user "alice", whoever pushes the key; the rules are ["root from arn:aws:*" "b* from *"]`, remedy: `write "allow alice from ARN"`},
		"an allow rule names the user with one caller": {damage: flagged(`--require-caller=arn:aws:iam::1:x --caller-env "--allow=alice from arn:aws:iam::1:user/x"`),
			check: "user-policy", verdict: doctor.OK, found: "accepts keys"},
		"no setting refuses the user": {damage: flagged("--deny-user=bob"), check: "user-policy", verdict: doctor.OK, found: "accepts keys"},
		"settings are invalid":        {damage: flagged("--deny-user=*x"), check: "user-policy", verdict: doctor.NotChecked, found: "not known"},
	})
}

func TestWhatSSHDRequiresOfAKey(t *testing.T) {
	configured := func(config string) func(*bench) { return configured(ourLine + userLine + config) }
	requireTroubles(t, map[string]trouble{
		"a key alone is one of two ways to log in": {damage: configured("AuthenticationMethods publickey,password publickey\n"),
			check: "methods", verdict: doctor.OK, found: "enough"},
		"sshd reports no key types": {damage: configured("PubkeyAcceptedAlgorithms\n"),
			check: "key-types", verdict: doctor.NotChecked, found: "does not report"},
		"key types are listed under the keyword's old name": {damage: configured("PubkeyAcceptedAlgorithms\nPubkeyAcceptedKeyTypes ssh-rsa\n"),
			check: "key-types", verdict: doctor.Warning, found: "refuses Ed25519"},
		"key types are listed as a pattern": {damage: configured("PubkeyAcceptedAlgorithms ssh-*\n"),
			check: "key-types", verdict: doctor.OK, found: "RSA and Ed25519"},
		"public keys are not checked without sshd": {damage: func(b *bench) { b.config = "" },
			check: "public-keys", verdict: doctor.NotChecked, found: "reported no settings"},
	})
}
