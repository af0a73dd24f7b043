// Command floor is the least that a program on this SDK can cost which asks what
// eic asks: the same requests, as many side by side, and nothing else. It reads no
// flags, verifies nothing and logs nothing, and it prints the lines that look like
// keys as they came, so that sshd has something to compare. It must never be
// installed anywhere.
//
// usage: floor USER
package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func main() {
	if len(os.Args) != 2 {
		os.Exit(2)
	}
	keys, err := ask(os.Args[1])
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	for line := range bytes.Lines(keys) {
		if bytes.HasPrefix(line, []byte("ssh-")) {
			_, _ = os.Stdout.Write(line)
		}
	}
}

// client sends each request once, over as many connections as eic would.
type client struct{ *imds.Client }

func newClient() client {
	return client{imds.New(imds.Options{
		HTTPClient:               roundTripper{&http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}},
		Retryer:                  aws.NopRetryer{},
		ClientEnableState:        imds.ClientEnabled,
		EnableFallback:           aws.FalseTernary,
		DisableDefaultTimeout:    true,
		DisableDefaultMaxBackoff: true,
	})}
}

type roundTripper struct{ *http.Transport }

func (t roundTripper) Do(r *http.Request) (*http.Response, error) { return t.RoundTrip(r) }

func (c client) get(path string) ([]byte, error) {
	out, err := c.GetMetadata(context.Background(), &imds.GetMetadataInput{Path: path})
	if err != nil {
		return nil, err
	}
	defer out.Content.Close() //nolint:errcheck // read to its end or given up
	return io.ReadAll(out.Content)
}

func ask(user string) ([]byte, error) {
	c := newClient()
	keys, err := c.get("managed-ssh-keys/active-keys/" + user)
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	staples := func() ([]byte, error) {
		list, err := c.get("managed-ssh-keys/signer-ocsp")
		if err != nil {
			return nil, err
		}
		var paths []string
		for name := range bytes.FieldsSeq(list) {
			paths = append(paths, "managed-ssh-keys/signer-ocsp/"+string(name))
		}
		return nil, c.sideBySide(paths)
	}
	var group sync.WaitGroup
	var listErr error
	group.Go(func() { _, listErr = staples() })
	err = c.sideBySide([]string{"placement/region", "services/domain", "managed-ssh-keys/signer-cert"})
	group.Wait()
	return keys, errors.Join(err, listErr)
}

func (c client) sideBySide(paths []string) error {
	failures := make([]error, len(paths))
	var group sync.WaitGroup
	for i, path := range paths {
		group.Go(func() { _, failures[i] = c.get(path) })
	}
	group.Wait()
	return errors.Join(failures...)
}
