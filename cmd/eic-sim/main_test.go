package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"eic-sim": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready":     ready,
			"get":       get,
			"terminate": terminate,
		},
	})
}

// ready waits until the simulator that writes to a directory, given as a pattern, is
// ready, and sets $IMDS, $IMDS2 and $API.
func ready(ts *testscript.TestScript, _ bool, args []string) {
	pattern := filepath.Join(ts.MkAbs(args[0]), "endpoints.json")
	deadline := time.Now().Add(20 * time.Second)
	for {
		files, err := filepath.Glob(pattern)
		ts.Check(err)
		if len(files) > 0 {
			var found endpoints
			ts.Check(json.Unmarshal([]byte(ts.ReadFile(files[0])), &found))
			ts.Setenv("IMDS", found.IMDS[0])
			ts.Setenv("IMDS2", found.IMDS[len(found.IMDS)-1])
			ts.Setenv("API", found.API)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the file %s does not exist after 20 seconds", pattern)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// get prints the status and the body of an answer of a metadata service. Its arguments are URL
// and PATH.
func get(ts *testscript.TestScript, _ bool, args []string) {
	url := args[0]
	_, token := ask(ts, http.MethodPut, url+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	status, body := ask(ts, http.MethodGet, url+"/latest/meta-data/"+args[1], "X-aws-ec2-metadata-token", token)
	_, err := fmt.Fprintf(ts.Stdout(), "%s\n%s", status, body)
	ts.Check(err)
}

func ask(ts *testscript.TestScript, method, url, name, value string) (string, string) {
	req, err := http.NewRequest(method, url, nil)
	ts.Check(err)
	req.Header.Set(name, value)
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	return resp.Status, string(body)
}

// terminate sends SIGTERM to the background processes.
func terminate(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	}
}
