package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strings"

	"eic/test/bench/results"
)

// The picture's measures, in pixels. The plot leaves a margin for the axes.
const (
	width, height = 720, 400
	left, right   = 64, 24
	top, bottom   = 48, 56
	plotWidth     = width - left - right
	plotHeight    = height - top - bottom
	ticks         = 5 // at least as many parts of an axis
)

// colours tell lines apart, also for those who see no red and green.
func colours() []string { return []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7"} }

// chart maps values to places in the picture. Both axes are linear and begin at 0.
type chart struct {
	bytes.Buffer
	mostX, mostY float64
}

// draw draws the medians as lines, with the quartiles as bars.
func draw(g results.Growth) []byte {
	c := &chart{}
	for _, line := range g.Lines {
		for _, p := range line.Points {
			c.mostX, c.mostY = max(c.mostX, p.X), max(c.mostY, p.Wall.High)
		}
	}
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d">`+"\n", width, height)
	fmt.Fprintln(c, `<style>text{font:13px sans-serif;fill:#444}.title{font-weight:bold}line,polyline{fill:none;stroke-width:2}</style>`)
	fmt.Fprintf(c, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	fmt.Fprintf(c, `<text x="%d" y="20" class="title">Time of a run, by %s</text>`+"\n", left, html.EscapeString(g.Of))
	c.axes(g.Unit)
	for i, line := range g.Lines {
		c.line(line, colours()[i%len(colours())], i)
	}
	c.WriteString("</svg>\n")
	return c.Bytes()
}

func (c *chart) x(v float64) float64 { return left + v/c.mostX*plotWidth }

func (c *chart) y(v float64) float64 { return top + plotHeight - v/c.mostY*plotHeight }

// text writes text that its anchor, "start", "middle" or "end", ties to a place.
func (c *chart) text(x, y float64, anchor, text string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(text))
}

func (c *chart) segment(x1, y1, x2, y2 float64, colour string) {
	fmt.Fprintf(c, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, colour)
}

const grey = "#ddd"

func (c *chart) axes(unit string) {
	for v, step := 0.0, step(c.mostY); v <= c.mostY; v += step {
		c.segment(left, c.y(v), width-right, c.y(v), grey)
		c.text(left-8, c.y(v)+4, "end", fmt.Sprintf("%g", v))
	}
	for v, step := 0.0, step(c.mostX); v <= c.mostX; v += step {
		c.segment(c.x(v), height-bottom, c.x(v), height-bottom+6, grey)
		c.text(c.x(v), height-bottom+22, "middle", fmt.Sprintf("%g", v))
	}
	c.text(left-8, top-12, "end", "ms")
	c.text(width-right, height-bottom+42, "end", unit)
}

// step is a round number of which most has at least as many as there are to be ticks.
func step(most float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(most/ticks)))
	for _, times := range []float64{5, 2} {
		if most/(unit*times) >= ticks {
			return unit * times
		}
	}
	return unit
}

// line draws a line of the plot, and the nth name of the legend.
func (c *chart) line(l results.Line, colour string, n int) {
	var places []string
	for _, p := range l.Points {
		x, y := c.x(p.X), c.y(p.Wall.Median)
		places = append(places, fmt.Sprintf("%.1f,%.1f", x, y))
		c.segment(x, c.y(p.Wall.Low), x, c.y(p.Wall.High), colour)
		fmt.Fprintf(c, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x, y, colour)
	}
	fmt.Fprintf(c, `<polyline points="%s" stroke="%s"/>`+"\n", strings.Join(places, " "), colour)
	y := float64(top + 12 + 18*n)
	c.segment(left+16, y, left+40, y, colour)
	c.text(left+46, y+4, "start", l.Name)
}
