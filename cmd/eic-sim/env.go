package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const envAbout = `Prints shell commands that make AWS's own clients call a running simulator:

  eval "$(eic-sim env --dir DIR)"

In that shell, HTTPS reaches nothing but the simulator, and no certification
authority but the simulator's is trusted.`

// madeUpSecret is the access key for a simulator that verifies no signatures.
const madeUpSecret = "AKIASIMULATED=simulated"

// parseSecret parses an access key, ID=SECRET.
func parseSecret(text string) (id, secret string, err error) {
	id, secret, _ = strings.Cut(text, "=")
	if id == "" || secret == "" {
		return "", "", fmt.Errorf("--secret: expected ID=SECRET, got %q", text)
	}
	return id, secret, nil
}

func runEnv(args []string, stdout, stderr io.Writer) int {
	c := command{name: "env", about: envAbout}
	flags := c.group("Flags")
	dir := flags.String("dir", "", "`DIR` of serve --dir (required)")
	secret := flags.String("secret", madeUpSecret, "sign calls with the access key `ID=SECRET`")
	if status, done := c.parse(args, stdout, stderr); done {
		return status
	}
	id, key, err := parseSecret(*secret)
	if err == nil && *dir == "" {
		err = errors.New("--dir is required")
	}
	if err != nil {
		return wrong(stderr, c.name, err)
	}
	text, err := environment(*dir, id, key)
	if err != nil {
		return failed(stderr, err)
	}
	fmt.Fprint(stdout, text)
	return exitOK
}

// environment returns the shell commands for the simulator that writes to a directory.
func environment(dir, id, secret string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the directory: %w", err)
	}
	text, err := os.ReadFile(endpointsFile(dir))
	if err != nil {
		return "", fmt.Errorf("no simulator is ready: %w; start one with: eic-sim serve --dir %s", err, dir)
	}
	var found endpoints
	if err := json.Unmarshal(text, &found); err != nil {
		return "", fmt.Errorf("reading %s: %w", endpointsFile(dir), err)
	}
	var shell strings.Builder
	shell.WriteString("unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL_EC2 AWS_ENDPOINT_URL_EC2_INSTANCE_CONNECT https_proxy NO_PROXY no_proxy\n")
	for _, variable := range [][2]string{
		{"AWS_ENDPOINT_URL", found.API},
		{"HTTPS_PROXY", found.Proxy},
		{"AWS_CA_BUNDLE", tlsFile(dir)},
		{"SSL_CERT_FILE", tlsFile(dir)},
		{"AWS_ACCESS_KEY_ID", id},
		{"AWS_SECRET_ACCESS_KEY", secret},
		{"AWS_DEFAULT_REGION", found.Region},
		{"AWS_REGION", found.Region},
		{"AWS_EC2_METADATA_DISABLED", "true"},
	} {
		fmt.Fprintf(&shell, "export %s='%s'\n", variable[0], strings.ReplaceAll(variable[1], "'", `'\''`))
	}
	return shell.String(), nil
}
