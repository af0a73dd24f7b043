package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"eic/test/host"
)

const (
	indent = "   "
	width  = 100
)

// say prints lines below a step's title.
func (d *demo) say(lines ...string) {
	for _, line := range lines {
		fmt.Fprintln(d.out, indent+line)
	}
}

// run prints a command as a person would type it, runs it, and prints its output.
func (d *demo) run(ctx context.Context, cmd *exec.Cmd) (host.Result, error) {
	d.say("$ " + typed(append([]string{filepath.Base(cmd.Args[0])}, cmd.Args[1:]...)))
	result, err := host.Capture(ctx, cmd)
	if err != nil {
		return host.Result{}, err
	}
	for _, text := range []string{result.Stdout, result.Stderr} {
		if text = strings.TrimSpace(text); text != "" {
			d.say(strings.Split(text, "\n")...)
		}
	}
	if result == (host.Result{}) {
		d.say("(no output)")
	}
	return result, nil
}

// typed returns a command line for a shell, with continuation lines if it is long.
func typed(args []string) string {
	var text strings.Builder
	column := len(indent) + len("$ ")
	for i, arg := range args {
		word := quoted(arg)
		if i > 0 && column+len(word) > width {
			text.WriteString(" \\\n" + indent + "      ")
			column = len(indent) + 6
		} else if i > 0 {
			text.WriteString(" ")
			column++
		}
		text.WriteString(word)
		column += len(word)
	}
	return text.String()
}

func quoted(arg string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_-+=:,./"
	if arg != "" && strings.Trim(arg, plain) == "" {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
