package sim_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/internal/sim/imds"
)

func TestEveryFaultHasANameDescriptionAndExpectation(t *testing.T) {
	seen := make(map[string]bool)
	said := 0
	for _, f := range sim.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			require.Regexp(t, `^[a-z-]+=[a-z0-9-]+$`, f.Name)
			require.False(t, seen[f.Name], "duplicate fault name")
			require.NotEmpty(t, f.Description)
			require.NotContains(t, f.Description+f.Reason, "\t")
			require.NotContains(t, f.Description+f.Reason, "\n")
			require.Contains(t, []sim.Expectation{sim.Printed, sim.Refused, sim.None}, f.Expect)
			require.Contains(t, []sim.Expectation{sim.Printed, sim.Refused, sim.None}, f.OnNitro)
			require.Equal(t, f.Expect == sim.Refused, f.Reason != "", "expected a reason exactly for a refused fault")
		})
		seen[f.Name] = true
		if !f.Transport {
			said++
		}
	}
	require.Len(t, seen, said+len(sim.Stages())*len(sim.Kinds())-1)
	for _, name := range []string{"ocsp=revoked", "keys=tampered", "imds=throttled-once", "token=hang"} {
		require.True(t, seen[name], name)
	}
}

func TestOnlyInstanceIDFaultsDifferOnNitro(t *testing.T) {
	for _, f := range sim.Faults() {
		if f.Expect == f.OnNitro {
			continue
		}
		require.Equal(t, sim.Printed, f.OnNitro, f.Name)
		require.Contains(t, []string{"instance", "instance-id"}, area(f.Name))
	}
}

func TestTransientFaultsAreExpectedToPrintTheKey(t *testing.T) {
	for _, f := range sim.Faults() {
		if strings.HasSuffix(f.Name, "-once") {
			require.Equal(t, sim.Printed, f.Expect, f.Name)
		}
	}
}

// The test uses a fault with a status at each stage, because a status is easy to observe.
// Package imds tests the kinds.
func TestTransportFaultAffectsItsStage(t *testing.T) {
	var keys ca.Keys
	for stage, path := range map[imds.Stage]string{
		imds.StageActiveKeys: "managed-ssh-keys/active-keys/" + user,
		imds.StageInstanceID: "instance-id",
		imds.StageRegion:     "placement/region",
		imds.StageDomain:     "services/domain",
		imds.StageSignerCert: "managed-ssh-keys/signer-cert",
		imds.StageStapleList: "managed-ssh-keys/signer-ocsp",
		imds.StageStaple:     "managed-ssh-keys/signer-ocsp/AAAA",
	} {
		t.Run(string(stage), func(t *testing.T) {
			s := start(t, sim.Options{Keys: &keys, Faults: []string{string(stage) + "=500"}})
			status, _ := newReader(t, s).get(t, path)
			require.Equal(t, http.StatusInternalServerError, status)
		})
	}
	t.Run("token", func(t *testing.T) {
		s := start(t, sim.Options{Keys: &keys, Faults: []string{"token=500"}})
		status, _ := reader{url: s.IMDS[0]}.ask(t, http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
		require.Equal(t, http.StatusInternalServerError, status)
	})
}

func TestFaultsOfTheWholeService(t *testing.T) {
	var keys ca.Keys
	for name, want := range map[string][2]int{
		"imds=disabled":       {http.StatusForbidden, http.StatusForbidden},
		"imds=v1-only":        {http.StatusNotFound, http.StatusNotFound},
		"imds=throttled":      {http.StatusServiceUnavailable, http.StatusServiceUnavailable},
		"imds=throttled-once": {http.StatusServiceUnavailable, http.StatusOK},
		"imds=ipv6-only":      {http.StatusOK, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, sim.Options{Keys: &keys, Faults: []string{name}})
			for _, status := range want {
				got, _ := reader{url: s.IMDS[0]}.ask(t, http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
				require.Equal(t, status, got)
			}
		})
	}
}

func TestFaultsCanBeCombined(t *testing.T) {
	s := start(t, sim.Options{Faults: []string{"region=missing", "keys=no-caller", "keys=no-request", "domain=503-once"}})
	r := newReader(t, s)
	status, _ := r.get(t, "placement/region")
	require.Equal(t, http.StatusNotFound, status)
	status, _ = r.get(t, "services/domain")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.NotContains(t, r.document(t), "#Caller")
	require.NotContains(t, r.document(t), "#Request")
}
