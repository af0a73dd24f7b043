package tunnel

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/coder/websocket"
)

// maxFrame is the largest accepted frame. Clients send up to 65,000 bytes; the library's
// default is 32 KiB.
const maxFrame = 1 << 20

// relay copies bytes in both directions until one side ends, or the time is over.
func (s *Server) relay(socket *websocket.Conn, target net.Conn, duration time.Duration) {
	socket.SetReadLimit(maxFrame)
	ctx, cancel := context.WithTimeout(s.base, duration)
	defer cancel()
	// If one direction ends, the other one ends too.
	stop := context.AfterFunc(ctx, func() { _ = target.Close() })
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		upstream(socket, target)
		_ = target.Close() // which ends downstream
	}()
	s.downstream(ctx, socket, target)
	if s.base.Err() == nil { // else there is no time to wait for the client's close frame
		_ = socket.Close(websocket.StatusNormalClosure, "")
	}
	_ = socket.CloseNow() // which ends upstream
	<-done
}

// upstream copies what the client sends. Empty frames carry nothing; some clients send
// thousands of them.
func upstream(socket *websocket.Conn, target io.Writer) {
	buffer := make([]byte, 64<<10)
	for {
		kind, frame, err := socket.Reader(context.Background())
		if err != nil {
			return
		}
		if kind != websocket.MessageBinary {
			_ = socket.Close(websocket.StatusUnsupportedData, "")
			return
		}
		if _, err := io.CopyBuffer(onlyWriter{target}, frame, buffer); err != nil {
			return
		}
	}
}

// onlyWriter hides ReadFrom, which would bypass the buffer.
type onlyWriter struct{ io.Writer }

// downstream copies what the instance sends.
func (s *Server) downstream(ctx context.Context, socket *websocket.Conn, target io.Reader) {
	buffer := make([]byte, 32<<10)
	for first := true; ; first = false {
		n, err := target.Read(buffer)
		if n > 0 {
			if first && s.spoil(ctx, socket) {
				return
			}
			if socket.Write(ctx, websocket.MessageBinary, buffer[:n]) != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// spoil applies a fault when the instance first sends data. It reports whether the tunnel
// has ended.
func (s *Server) spoil(ctx context.Context, socket *websocket.Conn) bool {
	switch s.options.Fault {
	case EarlyEnd:
		_ = socket.CloseNow()
		return true
	case CloseCode:
		_ = socket.Close(websocket.StatusInternalError, "Asked for when the simulator was started.")
		return true
	case TextFrame:
		return socket.Write(ctx, websocket.MessageText, []byte("text")) != nil
	}
	return false
}
