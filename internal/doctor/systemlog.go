package doctor

import (
	"context"
	"net"
	"time"
)

func checkSystemLog(_ context.Context, e *exam) Finding {
	const remedy = "start systemd-journald or another system log: only the system log says why a key was refused"
	switch {
	case e.seenErr != nil:
		return skipped("as-user", "%v", e.seenErr)
	case e.seen.LogSocket != "":
		return ok("listens on %s", e.seen.LogSocket)
	case e.Offline:
		return notChecked("nothing, if this is an image being built", "nothing listens on /dev/log")
	}
	return warning(remedy, "nothing listens on /dev/log")
}

// listenTimeout is how long a system log may take to accept a connection.
const listenTimeout = time.Second

// listening returns the first socket that accepts a connection.
func listening(sockets []string) string {
	for _, name := range sockets {
		for _, network := range []string{"unixgram", "unix"} {
			if conn, err := net.DialTimeout(network, name, listenTimeout); err == nil {
				_ = conn.Close() // nothing was sent
				return name
			}
		}
	}
	return ""
}
