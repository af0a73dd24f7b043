package hostile

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/test/host"
	"eic/test/trial"
)

// trap listens on an address to which nobody may connect. sprung reports whether somebody did.
func trap(t *testing.T) (address string, sprung func() bool) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	var connections atomic.Int64
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			_ = conn.Close()
		}
	}()
	return listener.Addr().String(), func() bool { return connections.Load() > 0 }
}

// hostileVariables returns variables that control other programs, or the Go runtime.
func hostileVariables(trap string) [][]string {
	proxy := "http://" + trap
	return [][]string{
		{"HTTP_PROXY=" + proxy, "http_proxy=" + proxy, "HTTPS_PROXY=" + proxy, "https_proxy=" + proxy,
			"ALL_PROXY=" + proxy, "all_proxy=socks5://" + trap, "NO_PROXY=", "no_proxy="},
		{"AWS_EC2_METADATA_DISABLED=true"},
		{"AWS_EC2_METADATA_SERVICE_ENDPOINT=" + proxy, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6", "AWS_EC2_METADATA_V1_DISABLED=false"},
		{"AWS_PROFILE=none", "AWS_CONFIG_FILE=/dev/zero", "AWS_SHARED_CREDENTIALS_FILE=/dev/zero", "AWS_CA_BUNDLE=/nonexistent",
			"AWS_REGION=eu-west-1", "AWS_ENDPOINT_URL=" + proxy, "AWS_MAX_ATTEMPTS=1", "AWS_RETRY_MODE=adaptive"},
		{"SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=/nonexistent", "OPENSSL_CONF=/nonexistent"},
		{"HOME=/nonexistent", "TMPDIR=/nonexistent", "PWD=/nonexistent", "PATH=", "TZ=../../etc/shadow", "LANG=xx_XX.UTF-8", "LC_ALL=C"},
		{"LD_PRELOAD=/nonexistent.so", "LD_LIBRARY_PATH=/nonexistent", "LD_DEBUG=all"},
		{"GODEBUG=x509sha1=1,x509negativeserial=1,x509usepolicies=0,rsa1024min=0,netdns=cgo+2,http2debug=2,httplaxcontentlength=1"},
		{"GODEBUG=asyncpreemptoff=1,madvdontneed=1,cpu.all=off"},
		{"GODEBUG=fips140=on"},
		{"GODEBUG=fips140=only"},
		{"GODEBUG=panicnil=1,execerrdot=0,zip=1,=,,x"},
		{"GOTRACEBACK=crash"},
		{"GOMAXPROCS=1", "GOGC=1", "GOMEMLIMIT=1"},
		{"GOGC=off", "GOMAXPROCS=4096"},
		{strings.Repeat("A", 100_000) + "=" + strings.Repeat("B", 20_000)},
		{"=", "no equals sign", "=C:=x", "\xff\xfe=\x01"},
	}
}

func TestHostileEnvironmentChangesNothing(t *testing.T) {
	h, key := pushed(t, host.Options{})
	address, sprung := trap(t)
	var all []string
	tests := map[string][]string{"nothing": {}}
	for _, variables := range hostileVariables(address) {
		name, _, _ := strings.Cut(variables[0], ":")
		tests[name[:min(len(name), 40)]] = variables
		all = append(all, variables...)
	}
	tests["everything"] = all
	for name, variables := range tests {
		t.Run(name, func(t *testing.T) {
			h.Log.Forget()
			requireTheKey(t, h, exec.Command(host.Binary, arguments(user)...), key, variables)
			require.Len(t, h.Log.Texts("eic"), 1)
			requireNoKey(t, exec.Command(host.Binary, arguments("bob")...), variables)
			require.Len(t, h.Log.Texts("eic"), 1)
			require.False(t, sprung(), "the program connected to an address from the environment")
		})
	}
}

// requireTheKey requires that a command prints the pushed key and nothing else. The command
// runs with the given environment, in an empty directory that must stay empty.
func requireTheKey(t *testing.T, h *host.Host, cmd *exec.Cmd, key string, variables []string) {
	t.Helper()
	h.Sim.ResetStats()
	result := runIn(t, cmd, variables)
	require.Equal(t, key, result.Stdout)
	require.Zero(t, result.Status)
	require.NotZero(t, h.Sim.Stats().Total())
}

func requireNoKey(t *testing.T, cmd *exec.Cmd, variables []string) {
	t.Helper()
	result := runIn(t, cmd, variables)
	require.Empty(t, result.Stdout)
	require.Zero(t, result.Status)
}

// runIn runs a command. It must not write to standard error, unless a variable tells the Go
// runtime to do so.
func runIn(t *testing.T, cmd *exec.Cmd, variables []string) trial.Result {
	t.Helper()
	cmd.Dir = t.TempDir()
	cmd.Env = variables
	result, err := trial.Run(cmd)
	require.NoError(t, err)
	require.Empty(t, result.Stderr)
	left, err := os.ReadDir(cmd.Dir)
	require.NoError(t, err)
	require.Empty(t, left, "expected no file in the working directory")
	return result
}
