package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"eic/test/host"
)

// logins logs in n times through a real sshd, atOnce times in parallel. MaxStartups is raised,
// because sshd drops connections beyond it.
func logins(ctx context.Context, n, atOnce int) error {
	h, err := host.Start(host.Options{Users: []string{user}})
	if err != nil {
		return err
	}
	defer h.Close() //nolint:errcheck // everything ends with the program's namespaces
	if err := h.Install(); err != nil {
		return err
	}
	if _, err := pushedKey(h); err != nil {
		return err
	}
	if err := h.Configure(host.Packaged + "MaxStartups 1000\n"); err != nil {
		return err
	}
	if err := h.StartSSHD(); err != nil {
		return err
	}
	var mu sync.Mutex
	var times []time.Duration
	lost, first := 0, ""
	inParallel(n, atOnce, func() {
		start := time.Now()
		result, err := host.Capture(ctx, h.SSH(user, filepath.Join(h.Dir(), "load"), "whoami"))
		took := time.Since(start)
		mu.Lock()
		defer mu.Unlock()
		times = append(times, took)
		if err != nil || result.Status != 0 || strings.TrimSpace(result.Stdout) != user {
			if lost++; first == "" {
				first = fmt.Sprintf("%v, %+v", err, result)
			}
		}
	})
	slices.Sort(times)
	fmt.Printf("%d logins through sshd, %d at once: %d lost, p50 %d ms, p99 %d ms\n",
		n, atOnce, lost, times[n/2].Milliseconds(), times[n*99/100].Milliseconds())
	if lost != 0 {
		return fmt.Errorf("%d of %d logins were lost; the first: %s", lost, n, first)
	}
	return nil
}
