package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"eic/test/bench/results"
	"eic/test/bench/scene"
	"eic/test/host"
)

// machine says where the bench runs.
func machine() (results.Machine, error) {
	m := results.Machine{CPU: processor(), Go: runtime.Version(), Cores: runtime.NumCPU()}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return m, err
	}
	m.Kernel = unix.ByteSliceToString(name.Release[:])
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return m, err
	}
	if _, err := fmt.Sscan(string(load), &m.Load); err != nil {
		return m, fmt.Errorf("reading the load average: %w", err)
	}
	binary, err := os.Stat(filepath.Join(host.Prepared(), string(scene.Eic)))
	if err != nil {
		return m, err
	}
	m.Binary = binary.Size()
	return m, nil
}

// processor is the model of the first one, as far as the kernel tells.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
