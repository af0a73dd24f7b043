package main

import (
	"fmt"
	"io"

	"eic/internal/audit"
)

// logging is the flags that say where events go, and how.
type logging struct{ to, format string }

func (l *logging) register(flags flagSet) {
	flags.StringVar(&l.to, "log", "syslog", "send events to the system log or to standard error (`syslog|stderr`)")
	flags.StringVar(&l.format, "log-format", "text", "write each event as a line for people or as a JSON object (`text|json`)")
}

// open returns the log asked for, and with an error the system log.
func (l *logging) open(stderr io.Writer) (audit.Log, error) {
	formats := map[string]audit.Format{"text": audit.Text, "json": audit.JSON}
	format, known := formats[l.format]
	system := audit.NewSystemLog(format, audit.Sockets()...)
	switch {
	case !known:
		return system, fmt.Errorf("--log-format: %q is neither text nor json", l.format)
	case l.to == "stderr":
		return audit.Writer{W: stderr, Format: format}, nil
	case l.to == "syslog":
		return system, nil
	default:
		return system, fmt.Errorf("--log: %q is neither syslog nor stderr", l.to)
	}
}
