package imds

import (
	"fmt"
	"net/http"
	"strconv"
)

// answer is the service's answer to one request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func found(body []byte) answer {
	return answer{status: http.StatusOK, body: body}
}

// failure returns an error as a small HTML page, like the real service.
func failure(status int) answer {
	page := fmt.Sprintf("<html><head><title>%[1]d - %[2]s</title></head><body><h1>%[1]d - %[2]s</h1></body></html>\n",
		status, http.StatusText(status))
	return answer{
		status: status,
		header: http.Header{"Content-Type": {"text/html"}},
		body:   []byte(page),
	}
}

// headers sets everything but the body's length.
func (a answer) headers(h http.Header) {
	h.Set("Server", "EC2ws")
	h.Set("Content-Type", "text/plain")
	h.Set("Accept-Ranges", "none")
	for name, values := range a.header {
		h[name] = values
	}
}

// write sends the answer without a fault.
func (a answer) write(w http.ResponseWriter) int {
	a.headers(w.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that has left needs no answer
	return a.status
}
