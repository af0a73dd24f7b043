package main

import (
	"fmt"
	"io"
	"strings"

	"eic/test/bench/results"
	"eic/test/bench/scene"
	"eic/test/bench/stats"
)

// reporter writes results as Markdown tables, which a terminal shows as well.
type reporter struct{ out io.Writer }

func (r reporter) machine(m results.Machine) {
	fmt.Fprintf(r.out, "%s, %d cores, Linux %s, %s; load average %.2f at the start; eic has %d bytes\n",
		m.CPU, m.Cores, m.Kernel, m.Go, m.Load, m.Binary)
}

func (r reporter) all(f results.Results) {
	if len(f.Processes) > 0 {
		r.processes(f.Processes)
	}
	if len(f.Confinement) > 0 {
		r.confinement(f.Confinement)
	}
	if len(f.Logins) > 0 {
		r.logins(f.Logins)
	}
	for _, g := range f.Growth {
		r.growth(g)
	}
	if f.Fleet != nil {
		r.table("CPU time of an answer that there is no key, ms", []string{"", "CPU"}, [][]string{
			{"eic", summary(f.Fleet.Miss)}, {"a hundred times /bin/true", summary(f.Fleet.Helper)},
		})
	}
}

// table writes a table whose first column is left-aligned.
func (r reporter) table(title string, head []string, rows [][]string) {
	widths := make([]int, len(head))
	for _, row := range append([][]string{head}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	rule := make([]string, len(head))
	for i, width := range widths {
		rule[i] = strings.Repeat("-", max(width-1, 1)) + ":"
	}
	rule[0] = strings.Repeat("-", widths[0])
	fmt.Fprintf(r.out, "\n%s\n\n", title)
	for _, row := range append([][]string{head, rule}, rows...) {
		line := ""
		for i, cell := range row {
			padding := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			if i == 0 {
				line += "| " + cell + padding + " |"
			} else {
				line += " " + padding + cell + " |"
			}
		}
		fmt.Fprintln(r.out, line)
	}
}

func (r reporter) processes(found []results.Process) {
	var rows [][]string
	for _, p := range found {
		rows = append(rows, []string{
			p.Case, p.Program, fmt.Sprintf("%g", p.Delay), summary(p.Wall), interval(p.WallRatio), summary(p.CPU), interval(p.CPURatio),
			mebibytes(p.Peak), fmt.Sprint(p.Cost.Requests), fmt.Sprint(p.Cost.Depth), fmt.Sprint(p.Cost.Connections),
		})
	}
	r.table("Single runs: medians and quartiles in ms; ratios to the floor with 95 % intervals",
		[]string{"case", "program", "delay", "wall", "× floor", "CPU", "× floor", "peak MiB", "requests", "deep", "connections"}, rows)
}

func (r reporter) confinement(found []results.Gap) {
	var rows [][]string
	for _, g := range found {
		rows = append(rows, []string{g.Case, interval(g.Wall), interval(g.CPU)})
	}
	r.table("What confinement adds, in ms with 95 % intervals", []string{"case", "wall", "CPU"}, rows)
}

func (r reporter) logins(found []results.Login) {
	var rows [][]string
	for _, l := range found {
		rows = append(rows, []string{l.Way, summary(l.Wall), interval(l.More)})
	}
	r.table("Logins, a real ssh through a real sshd: ms, and more than with the floor program with 95 % intervals",
		[]string{"the key comes from", "wall", "more"}, rows)
}

func (r reporter) growth(g results.Growth) {
	head := []string{g.Unit}
	for _, l := range g.Lines {
		head = append(head, l.Name)
	}
	var rows [][]string
	for i, p := range g.Lines[0].Points {
		row := []string{fmt.Sprintf("%.0f", p.X)}
		for _, l := range g.Lines {
			row = append(row, summary(l.Points[i].Wall))
		}
		rows = append(rows, row)
	}
	r.table("Growth with "+g.Of+": ms", head, rows)
}

func summary(s stats.Summary) string {
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Low, s.High)
}

func interval(i stats.Interval) string {
	return fmt.Sprintf("%.3f (%.3f–%.3f)", i.Estimate, i.Low, i.High)
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }

// isOf finds what eic took in a case with a delay.
func isOf(found []results.Process, name string, delay float64) (results.Process, bool) {
	for _, p := range found {
		if p.Case == name && p.Delay == delay && p.Program == string(scene.Eic) {
			return p, true
		}
	}
	return results.Process{}, false
}
