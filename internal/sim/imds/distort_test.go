package imds_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim/imds"
)

const domainPath = "/latest/meta-data/services/domain"

// spoiled starts a service that distorts the answers of one stage, and returns a function that
// requests the domain.
func spoiled(t *testing.T, stage imds.Stage, kind imds.Kind) func(context.Context) (*http.Response, error) {
	t.Helper()
	_, url := start(t, imds.Options{Faults: imds.Faults{Stages: map[imds.Stage]imds.Kind{stage: kind}}})
	c := client(t)
	live := token(t, c, url)
	return func(ctx context.Context) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+domainPath, nil)
		require.NoError(t, err)
		req.Header.Set(tokenHeader, live)
		return c.Do(req)
	}
}

// body reads the answer's body and closes it.
func body(t *testing.T, resp *http.Response, err error) (string, error) {
	t.Helper()
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(resp.Body)
	return string(content), err
}

func TestStatusFaultAnswersWithItsStatus(t *testing.T) {
	for kind, status := range map[imds.Kind]int{
		imds.Status500: 500, imds.Status503: 503, imds.Status403: 403, imds.Status404: 404,
	} {
		t.Run(string(kind), func(t *testing.T) {
			get := spoiled(t, imds.StageDomain, kind)
			for range 2 {
				resp, err := get(t.Context())
				_, err = body(t, resp, err)
				require.NoError(t, err)
				require.Equal(t, status, resp.StatusCode)
			}
		})
	}
}

func TestOnceFaultAffectsOnlyTheFirstAnswer(t *testing.T) {
	for kind, status := range map[imds.Kind]int{imds.Once503: 503, imds.Once401: 401} {
		t.Run(string(kind), func(t *testing.T) {
			_, url := start(t, imds.Options{Faults: imds.Faults{Stages: map[imds.Stage]imds.Kind{imds.StageDomain: kind}}})
			c := client(t)
			got, _, _ := ask(t, c, http.MethodGet, url+domainPath, tokenHeader, token(t, c, url))
			require.Equal(t, status, got)
			got, _, text := ask(t, c, http.MethodGet, url+domainPath, tokenHeader, token(t, c, url))
			require.Equal(t, http.StatusOK, got)
			require.Equal(t, "amazonaws.com", text)
		})
	}
	t.Run("reset-once", func(t *testing.T) {
		get := spoiled(t, imds.StageDomain, imds.ResetOnce)
		// http.Transport repeats a GET if a reused connection is reset. So the first
		// call either fails or hides the reset.
		resp, err := get(t.Context())
		if err != nil {
			resp, err = get(t.Context())
		}
		text, err := body(t, resp, err)
		require.NoError(t, err)
		require.Equal(t, "amazonaws.com", text)
	})
}

func TestOnce401InvalidatesEveryToken(t *testing.T) {
	_, url := start(t, imds.Options{Faults: imds.Faults{
		Stages: map[imds.Stage]imds.Kind{imds.StageDomain: imds.Once401},
	}})
	c := client(t)
	live := token(t, c, url)
	status, _, _ := ask(t, c, http.MethodGet, url+domainPath, tokenHeader, live)
	require.Equal(t, http.StatusUnauthorized, status)
	status, _, _ = ask(t, c, http.MethodGet, url+"/latest/meta-data/instance-id", tokenHeader, live)
	require.Equal(t, http.StatusUnauthorized, status)
	status, _, _ = ask(t, c, http.MethodGet, url+"/latest/meta-data/instance-id", tokenHeader, token(t, c, url))
	require.Equal(t, http.StatusOK, status)
}

func TestResetFaultResetsTheConnection(t *testing.T) {
	_, err := spoiled(t, imds.StageDomain, imds.Reset)(t.Context())
	require.Truef(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF), "%v", err)
}

func TestHangAndDripOutlastTheClientsTimeout(t *testing.T) {
	for _, kind := range []imds.Kind{imds.Hang, imds.Drip} {
		t.Run(string(kind), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			resp, err := spoiled(t, imds.StageDomain, kind)(ctx)
			if kind == imds.Hang {
				require.ErrorIs(t, err, context.DeadlineExceeded)
				return
			}
			text, err := body(t, resp, err)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, "am", text, "expected one byte at once and the next after a second")
		})
	}
}

func TestContentLengthDiffersFromTheBody(t *testing.T) {
	t.Run("truncated", func(t *testing.T) {
		resp, err := spoiled(t, imds.StageDomain, imds.Truncated)(t.Context())
		text, err := body(t, resp, err)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Equal(t, "amazon", text)
		require.EqualValues(t, len("amazonaws.com"), resp.ContentLength)
	})
	t.Run("wrong length", func(t *testing.T) {
		resp, err := spoiled(t, imds.StageDomain, imds.WrongLength)(t.Context())
		text, err := body(t, resp, err)
		require.NoError(t, err)
		require.Equal(t, "amazon", text)
		require.Equal(t, "EC2ws", resp.Header.Get("Server"))
	})
}

func TestRedirectedRequestIsAnsweredAndCounted(t *testing.T) {
	for stage, try := range map[imds.Stage]struct{ method, path, want string }{
		imds.StageDomain: {http.MethodGet, domainPath, "amazonaws.com"},
		imds.StageStaple: {http.MethodGet, "/latest/meta-data/managed-ssh-keys/signer-ocsp/AAAA", "a staple"},
	} {
		t.Run(string(stage), func(t *testing.T) {
			service, url := start(t, imds.Options{Faults: imds.Faults{
				Stages: map[imds.Stage]imds.Kind{stage: imds.Redirect},
			}})
			c := client(t)
			live := token(t, c, url)
			status, header, _ := ask(t, c, try.method, url+try.path, tokenHeader, live)
			require.Equal(t, http.StatusFound, status)
			status, _, text := ask(t, c, try.method, header.Get("Location"), tokenHeader, live)
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, try.want, text)
			require.Equal(t, 1, service.Stats().Requests[imds.StageOther], "expected the redirected request in the statistics")
		})
	}
}

func TestEndlessBodies(t *testing.T) {
	for kind, size := range map[imds.Kind]int64{imds.Huge: 2 << 30, imds.LongLine: 8 << 20} {
		t.Run(string(kind), func(t *testing.T) {
			resp, err := spoiled(t, imds.StageDomain, kind)(t.Context())
			require.NoError(t, err)
			defer func() { _ = resp.Body.Close() }()
			require.Equal(t, size, resp.ContentLength)
			start := make([]byte, 8<<20)
			_, err = io.ReadFull(resp.Body, start)
			require.NoError(t, err)
			require.NotContains(t, string(start), "\n")
		})
	}
}

func TestNoiseIsBinaryAndReproducible(t *testing.T) {
	get := spoiled(t, imds.StageDomain, imds.Noise)
	resp, err := get(t.Context())
	one, err := body(t, resp, err)
	require.NoError(t, err)
	resp, err = get(t.Context())
	two, err := body(t, resp, err)
	require.NoError(t, err)
	require.Equal(t, one, two)
	require.Contains(t, one, "\x00")
}

func TestGzipFaultHasAPlainBody(t *testing.T) {
	resp, err := spoiled(t, imds.StageDomain, imds.Gzip)(t.Context())
	text, err := body(t, resp, err)
	require.NoError(t, err)
	require.Equal(t, "amazonaws.com", text)
	require.Equal(t, "gzip", resp.Header.Get("Content-Encoding"))
}

func TestFaultAffectsOnlyItsStage(t *testing.T) {
	for _, kind := range imds.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			require.NotEmpty(t, kind.Describe())
			resp, err := spoiled(t, imds.StageStaple, kind)(t.Context())
			text, err := body(t, resp, err)
			require.NoError(t, err)
			require.Equal(t, "amazonaws.com", text)
		})
	}
}

func TestWholeServiceFaults(t *testing.T) {
	t.Run("disabled", func(t *testing.T) {
		_, url := start(t, imds.Options{Faults: imds.Faults{Disabled: true}})
		for _, path := range []string{"/latest/api/token", domainPath} {
			status, _, _ := ask(t, client(t), http.MethodPut, url+path, ttlHeader, "60")
			require.Equal(t, http.StatusForbidden, status)
		}
	})
	t.Run("version 1", func(t *testing.T) {
		_, url := start(t, imds.Options{Faults: imds.Faults{NoTokens: true}})
		status, _, _ := ask(t, client(t), http.MethodPut, url+"/latest/api/token", ttlHeader, "60")
		require.Equal(t, http.StatusNotFound, status)
		status, _, text := ask(t, client(t), http.MethodGet, url+domainPath)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "amazonaws.com", text)
	})
	t.Run("each stage throttled once", func(t *testing.T) {
		_, url := start(t, imds.Options{Faults: imds.Faults{ThrottledOnce: true}})
		c := client(t)
		var got []string
		for range 2 {
			status, _, _ := ask(t, c, http.MethodPut, url+"/latest/api/token", ttlHeader, "60")
			got = append(got, http.StatusText(status))
		}
		live := token(t, c, url)
		for range 2 {
			status, _, _ := ask(t, c, http.MethodGet, url+domainPath, tokenHeader, live)
			got = append(got, http.StatusText(status))
		}
		require.Equal(t, "Service Unavailable, OK, Service Unavailable, OK", strings.Join(got, ", "))
	})
}

func TestCloseEndsHangingRequests(t *testing.T) {
	service, url := start(t, imds.Options{Faults: imds.Faults{
		Stages: map[imds.Stage]imds.Kind{imds.StageToken: imds.Hang},
	}})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/latest/api/token", nil)
		if resp, err := client(t).Do(req); err == nil {
			_ = resp.Body.Close()
		}
	}()
	require.Eventually(t, func() bool { return service.Stats().Total() == 1 }, 5*time.Second, 5*time.Millisecond)
	service.Close()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("the request still hangs after the service is closed")
	}
}
