package doctor_test

import (
	"testing"

	"eic/internal/doctor"
)

// named has doctor asked about alice, with this configuration and shadow entry.
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

// What sshd itself refuses is shown with a real one in test/doctor. Here is what
// takes PAM, and what cannot be found out.
func TestAUserWhomSSHDMayRefuse(t *testing.T) {
	const usePAM = "UsePAM yes\n"
	file := func(config, name string) func(*bench) {
		return func(b *bench) { named(config, "")(b); b.files[name] = owned(0o644, "") }
	}
	requireTroubles(t, map[string]trouble{
		"lets in a locked account": {damage: named(usePAM, "alice:!:::::::\n"),
			check: "user-account", verdict: doctor.OK, found: "uid 1000"},
		"wants a new password": {damage: named(usePAM, "alice:*:0:0:99999::::\n"),
			check: "user-account", verdict: doctor.Warning, found: "wants a new one"},
		"is asked too late for a new password": {damage: named(usePAM, "alice:*:1:0:1:7:1::\n"),
			check: "user-account", verdict: doctor.Broken, found: "too long ago"},
		"does not look at passwords itself": {damage: named("", "alice:*:1:0:1:7:1::\n"),
			check: "user-account", verdict: doctor.OK, found: "uid 1000"},
		"waits for the end of the boot": {damage: file(usePAM, "run/nologin"),
			check: "user-account", verdict: doctor.Broken, found: "/run/nologin exists"},
		"knows one file alone": {damage: file("", "run/nologin"),
			check: "user-account", verdict: doctor.OK, found: "uid 1000"},
		"does not look at a shell in a chroot": {damage: func(b *bench) { named("ChrootDirectory /srv\n", "")(b); delete(b.files, "bin/sh") },
			check: "user-account", verdict: doctor.OK, found: "uid 1000"},
		"looks the user up elsewhere": {damage: func(b *bench) {
			named("", "")(b)
			b.User, b.asking.User = "bob", "bob"
			sources("passwd: files sss")(b)
		},
			check: "user-account", verdict: doctor.NotChecked, found: "there is no getent"},
		"cannot say about a user that was not found": {damage: func(b *bench) { named("AllowUsers x\n", "")(b); b.User, b.asking.User = "bob", "bob" },
			check: "user-allowed", verdict: doctor.NotChecked, found: `user "bob" was not found`},
		"lets in from one place": {damage: named("AllowUsers alice@10.0.0.0/8 bob\nDenyUsers alice@10.1.0.0/16\n", ""),
			check: "user-allowed", verdict: doctor.OK, found: `may log in, but not from ["10.1.0.0/16"], from ["10.0.0.0/8"] alone`},
		"does not say": {damage: func(b *bench) { named("", "")(b); b.config = "" },
			check: "root-login", verdict: doctor.NotChecked, found: "did not say"},
	})
}

// Whoever asks about a user whom the settings refuse is told so, and which setting it is.
func TestAUserWhomTheSettingsRefuse(t *testing.T) {
	flagged := func(flags string) func(*bench) {
		return func(b *bench) {
			named("", "")(b)
			b.config = "AuthorizedKeysCommand /usr/bin/eic authorized-keys " + flags + " %u\n" + userLine
		}
	}
	requireTroubles(t, map[string]trouble{
		"denied": {damage: flagged("--deny-user=root --deny-user=al*"), check: "user-policy", verdict: doctor.Warning,
			found: `user "alice" matches deny-user "al*", so every key`, remedy: "take deny-user al* out"},
		"not allowed": {damage: flagged("--allow-user=bob"), check: "user-policy", verdict: doctor.Warning,
			found: `matches none of allow-user ["bob"]`, remedy: "write allow-user alice"},
		"in no rule": {damage: flagged(`"--allow=root from arn:aws:*" "--allow=b* from *"`), check: "user-policy", verdict: doctor.Warning,
			found: `no rule allows user "alice", whoever pushes the key; the rules are ["root from arn:aws:*" "b* from *"]`, remedy: `write "allow alice from ARN"`},
		"allowed from somebody": {damage: flagged(`--require-caller=arn:aws:iam::1:x --caller-env "--allow=alice from arn:aws:iam::1:user/x"`),
			check: "user-policy", verdict: doctor.OK, found: "accepts keys"},
		"refused by nothing": {damage: flagged("--deny-user=bob"), check: "user-policy", verdict: doctor.OK, found: "accepts keys"},
		"not known":          {damage: flagged("--deny-user=*x"), check: "user-policy", verdict: doctor.NotChecked, found: "not known"},
	})
}

func TestWhatSSHDMakesOfAnyKey(t *testing.T) {
	configured := func(config string) func(*bench) { return configured(ourLine + userLine + config) }
	requireTroubles(t, map[string]trouble{
		"it is one way": {damage: configured("AuthenticationMethods publickey,password publickey\n"),
			check: "methods", verdict: doctor.OK, found: "enough"},
		"sshd does not say": {damage: configured("PubkeyAcceptedAlgorithms\n"),
			check: "key-types", verdict: doctor.NotChecked, found: "does not say"},
		"its types go by their old name": {damage: configured("PubkeyAcceptedAlgorithms\nPubkeyAcceptedKeyTypes ssh-rsa\n"),
			check: "key-types", verdict: doctor.Warning, found: "refuses Ed25519"},
		"its types are patterns": {damage: configured("PubkeyAcceptedAlgorithms ssh-*\n"),
			check: "key-types", verdict: doctor.OK, found: "RSA and Ed25519"},
		"it is asked about nowhere": {damage: func(b *bench) { b.config = "" },
			check: "public-keys", verdict: doctor.NotChecked, found: "did not say"},
	})
}
