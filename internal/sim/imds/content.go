package imds

import (
	"net/http"
	"sort"
	"strings"
)

// ActiveKeys gives the service the current keys.
type ActiveKeys interface {
	// Users returns the names of the users that have keys, sorted.
	Users() []string
	// Document returns the document for a user, or nil when there is none.
	Document(user string) ([]byte, error)
}

// Content is what the service serves.
type Content struct {
	// Values are the bodies by path below /latest/meta-data/, without a leading slash.
	// Directories are listed automatically.
	Values map[string][]byte
	Keys   ActiveKeys
}

// lookup answers a GET of a path.
func (c Content) lookup(path string) answer {
	name, ok := dataName(path)
	if !ok {
		return listing(path)
	}
	if value, ok := c.Values[name]; ok {
		return found(value)
	}
	if user, ok := strings.CutPrefix(name, activeKeysPath+"/"); ok {
		document, err := c.Keys.Document(user)
		switch {
		case err != nil:
			return failure(http.StatusInternalServerError)
		case document == nil:
			return failure(http.StatusNotFound)
		}
		return found(document)
	}
	children := c.children(name)
	if len(children) == 0 {
		return failure(http.StatusNotFound)
	}
	return found([]byte(strings.Join(children, "\n")))
}

// children lists what is directly below a path. The name of a directory ends in a slash.
func (c Content) children(name string) []string {
	if name == activeKeysPath {
		return c.Keys.Users()
	}
	prefix := name + "/"
	if name == "" {
		prefix = ""
	}
	seen := make(map[string]bool)
	add := func(path string) {
		rest, ok := strings.CutPrefix(path, prefix)
		if !ok {
			return
		}
		child, _, deeper := strings.Cut(rest, "/")
		if deeper {
			child += "/"
		}
		seen[child] = true
	}
	for path := range c.Values {
		add(path)
	}
	if len(c.Keys.Users()) > 0 {
		add(activeKeysPath + "/")
	}
	children := make([]string, 0, len(seen))
	for child := range seen {
		if !seen[child+"/"] {
			children = append(children, child)
		}
	}
	sort.Strings(children)
	return children
}

// listing answers the few paths above the metadata.
func listing(path string) answer {
	switch strings.Trim(path, "/") {
	case "":
		return found([]byte("latest"))
	case "latest":
		return found([]byte("api/\nmeta-data/"))
	}
	return failure(http.StatusNotFound)
}
