package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"eic/test/host"
)

// demo runs the steps on a stage and prints them.
type demo struct {
	stage *stage
	out   io.Writer
	// expired is a time at which the pushed key has certainly expired.
	expired time.Time
	// accepted and provided are the records of sshd and eic about the last login.
	accepted, provided string
}

// step is one step of the demo. It returns an error if the result is not the expected one.
type step struct {
	title string
	show  func(context.Context) error
}

// steps returns the steps in order. Without a host nobody can log in, so the demo runs eic
// directly.
func (d *demo) steps(ctx context.Context) []step {
	steps := []step{
		{"The stand-in for AWS starts", d.introduce},
		{"A key is made, and pushed for alice with SendSSHPublicKey", d.push},
		{"eic prints it: it is signed, for this instance, and has not expired", d.printKey},
	}
	const denied = "IAM refuses a key for root: the policy does not allow it"
	if d.stage.host == nil {
		return append(steps,
			step{denied, d.refusedByIAM},
			step{"eic prints nothing for bob: the key was pushed for alice", d.printNothing("bob")},
			step{"The key expires, and eic prints nothing for alice either", d.afterExpiry(d.printNothing("alice"))})
	}
	steps = append(steps,
		step{"alice logs in with it: ssh, and sshd asks eic", d.logIn},
		step{"bob is refused: the key was pushed for alice", d.refuse("bob")},
		step{denied, d.refusedByIAM})
	if able, _ := opensTunnels(ctx); able {
		steps = append(steps, step{"AWS's own command line logs in to the private address, through the Endpoint", d.throughTheEndpoint})
	}
	return append(steps,
		step{"The records of that login lead from sshd back to who pushed the key", d.join},
		step{"The key expires, and the same ssh is refused", d.afterExpiry(d.refuse("alice"))})
}

// show runs the steps until one fails and prints a summary. It reports whether every result
// was the expected one.
func (d *demo) show(ctx context.Context) bool {
	steps := d.steps(ctx)
	verdicts := make([]string, len(steps))
	asExpected := true
	for i, step := range steps {
		if !asExpected {
			verdicts[i] = "not reached"
			continue
		}
		fmt.Fprintf(d.out, "\n%d. %s\n", i+1, step.title)
		err := step.show(ctx)
		if ctx.Err() != nil {
			return false
		}
		verdicts[i] = "as expected"
		if err != nil {
			asExpected, verdicts[i] = false, "NOT as expected"
			d.say("NOT as expected: " + err.Error())
		}
	}
	fmt.Fprintln(d.out, "\nSummary")
	for i, step := range steps {
		d.say(fmt.Sprintf("%-15s  %d. %s", verdicts[i], i+1, step.title))
	}
	d.say(d.stage.notShown()...)
	return asExpected
}

func (d *demo) introduce(context.Context) error {
	d.say(d.stage.facts()...)
	return nil
}

func (d *demo) push(ctx context.Context) error {
	if err := d.succeed(d.run(ctx, host.Keygen(d.stage.keyFile(), "ed25519"))); err != nil {
		return err
	}
	if len(host.Missing(host.AWS)) > 0 {
		id, err := d.stage.service().Push(ctx, "alice", d.stage.keyFile())
		d.say("Pushed through AWS's client library; the request id is " + id)
		d.expired = time.Now().Add(lifetime + time.Second)
		return err
	}
	err := d.succeed(d.run(ctx, d.stage.service().Command("alice", d.stage.keyFile())))
	d.say("(The stand-in takes any credentials.)")
	d.expired = time.Now().Add(lifetime + time.Second)
	return err
}

func (d *demo) printKey(ctx context.Context) error {
	public, err := os.ReadFile(d.stage.keyFile() + ".pub")
	if err != nil {
		return err
	}
	result, err := d.run(ctx, d.stage.authorizedKeys("alice"))
	shown := result.Stdout == string(public)
	if d.stage.host == nil {
		shown = strings.Contains(result.Stdout, "sshd gets     "+string(public))
	}
	if err == nil && (result.Status != 0 || !shown) {
		err = fmt.Errorf("expected the pushed key and status 0, got status %d", result.Status)
	}
	d.sayLog()
	return err
}

func (d *demo) logIn(ctx context.Context) error {
	result, err := d.run(ctx, d.stage.host.SSH("alice", d.stage.keyFile(), "whoami"))
	if err == nil && (result.Status != 0 || result.Stdout != "alice\n") {
		err = fmt.Errorf("expected \"alice\" and status 0, got status %d", result.Status)
	}
	d.sayLog()
	return err
}

// printNothing requires that eic would print no key; it is for a demo without root.
func (d *demo) printNothing(user string) func(context.Context) error {
	return func(ctx context.Context) error {
		result, err := d.run(ctx, d.stage.authorizedKeys(user))
		if err == nil && (result.Status != 3 || strings.Contains(result.Stdout, "sshd gets")) {
			err = fmt.Errorf("expected no key and status 3, got status %d", result.Status)
		}
		return err
	}
}

func (d *demo) refuse(user string) func(context.Context) error {
	return func(ctx context.Context) error {
		result, err := d.run(ctx, d.stage.host.SSH(user, d.stage.keyFile(), "whoami"))
		if err == nil && (result.Status != 255 || result.Stdout != "" || !strings.Contains(result.Stderr, "Permission denied")) {
			err = fmt.Errorf("expected \"Permission denied\" and status 255, got status %d", result.Status)
		}
		return err
	}
}

// afterExpiry waits until the key has expired, and then runs the step.
func (d *demo) afterExpiry(show func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		left := time.Until(d.expired)
		d.say(fmt.Sprintf("(waiting for %.0f seconds)", left.Seconds()))
		select {
		case <-time.After(left):
			return show(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// succeed returns an error unless a command ended with status 0.
func (d *demo) succeed(result host.Result, err error) error {
	if err == nil && result.Status != 0 {
		err = fmt.Errorf("expected status 0, got %d", result.Status)
	}
	return err
}

// sayLog prints the lines that eic has logged since the last call.
func (d *demo) sayLog() {
	if d.stage.host == nil {
		return // nothing is logged without a host
	}
	for _, line := range d.stage.host.Log.Texts("sshd") {
		if strings.HasPrefix(line, "Accepted publickey") {
			d.accepted = line
		}
	}
	lines := d.stage.host.Log.Texts("eic")
	if len(lines) > 0 {
		d.provided = lines[len(lines)-1]
	}
	for _, line := range slices.Compact(slices.Clone(lines)) {
		d.say("system log: " + line)
	}
	if len(lines) == 2 && lines[0] == lines[1] {
		d.say("(That twice, because sshd asks again once the client has signed.)")
	}
	d.stage.host.Log.Forget()
}
