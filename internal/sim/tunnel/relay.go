package tunnel

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/coder/websocket"
)

// maxFrame is the most that a frame may hold. Clients send up to 65,000 bytes, and the
// library allows 32 KiB unless told otherwise.
const maxFrame = 1 << 20

// relay carries bytes in both directions until one side ends, or the time is over.
func (s *Server) relay(socket *websocket.Conn, target net.Conn, duration time.Duration) {
	socket.SetReadLimit(maxFrame)
	ctx, cancel := context.WithTimeout(s.base, duration)
	defer cancel()
	// The end of the one direction is the end of the other.
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

// upstream carries what the client sends. Empty frames carry nothing; some clients send
// thousands.
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

// onlyWriter hides a ReadFrom, which would not use the buffer.
type onlyWriter struct{ io.Writer }

// downstream carries what the instance sends.
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

// spoil does what a fault wants when the instance first says something. It reports
// whether the tunnel has ended.
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
