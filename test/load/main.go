// Command load shows that no login is lost when many come at once. It runs eic as sshd
// does, many times in parallel, on a throwaway EC2 instance whose metadata service is
// slow or throttles. Then it logs in through a real sshd. It needs root. Its exit status
// is 1 if a login is lost.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"eic/internal/sim"
	"eic/test/host"
)

func main() {
	os.Exit(host.Run(host.Build, func() int {
		if err := run(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "load:", err)
			return 1
		}
		return 0
	}))
}

// loads returns the loads to run, one after the other.
func loads() []load {
	const delay = 5 * time.Millisecond // about the time that IMDS takes
	return []load{
		{runs: 400, atOnce: 32, sim: sim.Options{Delay: delay}},
		{runs: 1000, atOnce: 128, sim: sim.Options{Delay: delay}},
		{runs: 200, atOnce: 16, sim: sim.Options{Throttle: 0.3, Seed: 1}},
	}
}

func run(ctx context.Context) error {
	fmt.Printf("%d processors, %s\n\n", runtime.NumCPU(), runtime.Version())
	fmt.Println("runs  at once  delay  throttled  lost   p50 ms   p99 ms   max ms  CPU ms/run  requests/run")
	for _, l := range loads() {
		outcome, err := l.run()
		if err != nil {
			return err
		}
		fmt.Println(outcome)
		if outcome.lost != 0 {
			return fmt.Errorf("%d of %d runs printed no key; the first: %s", outcome.lost, l.runs, outcome.first)
		}
	}
	fmt.Println()
	return logins(ctx, 100, 16)
}
