package vectors

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
)

var update = flag.Bool("update", false, "write docs/vectors instead of comparing it")

const (
	directory = "../../docs/vectors"
	index     = "vectors.json"
	seed      = 1
	user      = "alice"
	key       = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOy89h7QX3Q1jvRWAzMkqQhb4bT4vdg1BfSVDp4gCJkR alice@laptop"
)

// now is the time at which every vector is verified.
var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// vectorSet is the file vectors.json.
type vectorSet struct {
	Format  string    `json:"format"`
	MadeBy  string    `json:"made_by"`
	Time    time.Time `json:"time"`
	Roots   string    `json:"roots"`
	Vectors []vector  `json:"vectors"`
}

// vector is the input of an agent and the expected output. File names are relative to the
// directory of vectors.json.
type vector struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	User        string `json:"user"`
	InstanceID  string `json:"instance_id"`
	Region      string `json:"region"`
	Domain      string `json:"domain"`
	ActiveKeys  string `json:"active_keys"`
	SignerCert  string `json:"signer_cert"`
	SignerOCSP  string `json:"signer_ocsp"`
	// Printed are the lines that the agent prints, in any order.
	Printed []string `json:"printed"`
	// Reason says why nothing is printed.
	Reason string `json:"reason,omitempty"`
}

// areas are the areas of faults that become vectors: faults in the contents about the signer
// and the pushed keys. Faults of transport exist only in eic-sim.
var areas = []string{"domain", "signer", "chain", "ocsp", "keys"}

// leftOut are faults that do not become vectors, because they need large or special files.
var leftOut = []string{
	"ocsp=many", "keys=many", // large
	"domain=newline", "domain=empty", "chain=empty", "keys=empty", // cannot be a file or the value of a flag
}

// makeVectors returns every file of docs/vectors except the README, by name.
func makeVectors(t *testing.T) map[string][]byte {
	t.Helper()
	cryptotest.SetGlobalRandom(t, seed)
	files := map[string][]byte{}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(now))
		m := maker{keys: new(ca.Keys), files: files, named: map[string]string{}}
		m.set = vectorSet{Format: "eic.vectors/1", MadeBy: "eic-sim, " + runtime.Version(), Time: now, Roots: "roots.pem"}
		// All keys are made before the first vector, so that each vector can begin
		// with the same random numbers and shares what the fault does not change.
		m.start(t, "").Close()
		for _, fault := range faults() {
			m.start(t, fault.Name).Close()
		}
		m.add(t, sim.Fault{Description: "nothing is wrong", OnNitro: sim.Printed})
		for _, fault := range faults() {
			m.add(t, fault)
		}
		text, err := json.MarshalIndent(m.set, "", "  ")
		require.NoError(t, err)
		files[index] = append(text, '\n')
	})
	return files
}

// maker collects vectors. Vectors with equal files share one.
type maker struct {
	keys  *ca.Keys
	set   vectorSet
	files map[string][]byte
	named map[string]string // names of files or directories by their contents
}

// faults returns the faults that become vectors.
func faults() []sim.Fault {
	return slices.DeleteFunc(sim.Faults(), func(fault sim.Fault) bool {
		area, _, _ := strings.Cut(fault.Name, "=")
		return fault.Transport || !slices.Contains(areas, area) || slices.Contains(leftOut, fault.Name)
	})
}

// start starts a simulator with a fault, or without one for "".
func (m *maker) start(t *testing.T, fault string) *sim.Sim {
	t.Helper()
	options := sim.Options{Keys: m.keys}
	if fault != "" {
		options.Faults = []string{fault}
	}
	s, err := sim.Start(options)
	require.NoError(t, err)
	return s
}

func (m *maker) add(t *testing.T, fault sim.Fault) {
	t.Helper()
	cryptotest.SetGlobalRandom(t, seed)
	s := m.start(t, fault.Name)
	defer s.Close()
	_, err := s.Push(user, key)
	require.NoError(t, err)
	r := reader{t: t, base: s.IMDS[0]}
	r.token = r.ask(http.MethodPut, "/latest/api/token")

	name := "good"
	if fault.Name != "" {
		name = strings.ReplaceAll(fault.Name, "=", "-")
	}
	v := vector{
		Name: name, Description: fault.Description, User: user, InstanceID: sim.DefaultInstanceID,
		Region: string(r.get("placement/region")), Domain: string(r.get("services/domain")), Printed: []string{},
	}
	document := r.get("managed-ssh-keys/active-keys/" + user)
	v.ActiveKeys = m.file(name, "active-keys", document)
	v.SignerCert = m.file(name, "signer-cert.pem", r.get("managed-ssh-keys/signer-cert"))
	v.SignerOCSP = m.staples(name, r)
	m.files[m.set.Roots] = s.Roots
	if fault.OnNitro == sim.Printed {
		v.Printed = printed(document)
	} else {
		v.Reason = fault.Reason
	}
	m.set.Vectors = append(m.set.Vectors, v)
}

// keyLine matches the key line of a block.
var keyLine = regexp.MustCompile(`(?m)^[ \t]*((?:ssh|ecdsa|sk)-\S+[ \t].*?)\r?$`)

// printed returns the key lines of a document, except those that the simulator adds with a bad
// signature.
func printed(document []byte) []string {
	var lines []string
	for _, match := range keyLine.FindAllSubmatch(document, -1) {
		if line := string(match[1]); !strings.HasSuffix(line, " mallory") {
			lines = append(lines, line)
		}
	}
	return lines
}

func (m *maker) file(name, base string, content []byte) string {
	if known, ok := m.named[base+string(content)]; ok {
		return known
	}
	file := path.Join(name, base)
	m.files[file] = content
	m.named[base+string(content)] = file
	return file
}

// stapleName matches the staple names that can be file names.
var stapleName = regexp.MustCompile(`^[0-9A-Za-z]+$`)

// staples stores the staples that are in the list and are served.
func (m *maker) staples(name string, r reader) string {
	contents := map[string][]byte{}
	var all bytes.Buffer
	for _, line := range strings.Fields(string(r.get("managed-ssh-keys/signer-ocsp"))) {
		if body := r.get("managed-ssh-keys/signer-ocsp/" + line); body != nil && stapleName.MatchString(line) {
			contents[line] = body
			all.WriteString(line + "\n" + string(body) + "\n")
		}
	}
	if known, ok := m.named["ocsp"+all.String()]; ok {
		return known
	}
	dir := path.Join(name, "signer-ocsp")
	for base, content := range contents {
		m.files[path.Join(dir, base)] = content
	}
	m.named["ocsp"+all.String()] = dir
	return dir
}

// reader sends requests to the simulator, each on a new connection.
type reader struct {
	t     *testing.T
	base  string
	token []byte
}

func (r reader) get(what string) []byte { return r.ask(http.MethodGet, "/latest/meta-data/"+what) }

// ask returns an answer's body, or nil for the status 404.
func (r reader) ask(method, what string) []byte {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.base+what, nil)
	require.NoError(r.t, err)
	request.Header.Set("X-aws-ec2-metadata-token-ttl-seconds", "60")
	request.Header.Set("X-aws-ec2-metadata-token", string(r.token))
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	require.NoError(r.t, err)
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode == http.StatusNotFound {
		return nil
	}
	require.Equal(r.t, http.StatusOK, response.StatusCode, what)
	body, err := io.ReadAll(response.Body)
	require.NoError(r.t, err)
	return body
}

// kept returns every file of docs/vectors except the README, by name.
func kept(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	require.NoError(t, filepath.WalkDir(directory, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "README.md" {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(directory, name)
		files[filepath.ToSlash(relative)] = content
		return err
	}))
	return files
}

// A change of the simulator must show what it changes in the published vectors.
func TestVectorsMatchTheSimulator(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: takes eight seconds of CPU time")
	}
	made := makeVectors(t)
	if *update {
		for name := range kept(t) {
			require.NoError(t, os.Remove(filepath.Join(directory, name)))
		}
		for name, content := range made {
			file := filepath.Join(directory, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, content, 0o644))
		}
	}
	found := kept(t)
	if !strings.HasSuffix(read(t).MadeBy, runtime.Version()) {
		// Another release of Go may generate other keys from the same random numbers.
		require.Len(t, found, len(made))
		return
	}
	for name, content := range made {
		require.Equal(t, string(content), string(found[name]), "%s is outdated; run: go test ./test/vectors -run Simulator -update", name)
	}
	require.Len(t, found, len(made))
}

func read(t *testing.T) vectorSet {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(directory, index))
	require.NoError(t, err)
	var set vectorSet
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&set))
	require.NotEmpty(t, set.Vectors)
	return set
}
