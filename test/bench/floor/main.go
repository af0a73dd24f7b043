// Command floor sends the same requests as eic through the AWS SDK, as many of them in parallel,
// and does nothing else. Its cost is the lower limit for such a program. It verifies nothing: it
// prints the lines that look like keys, so that sshd has something to compare. It must never
// be installed on a real host.
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
	client := imds.New(imds.Options{
		HTTPClient:               roundTripper{&http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}},
		Retryer:                  aws.NopRetryer{},
		ClientEnableState:        imds.ClientEnabled,
		EnableFallback:           aws.FalseTernary,
		DisableDefaultTimeout:    true,
		DisableDefaultMaxBackoff: true,
	})
	keys, err := floor{client}.ask(os.Args[1])
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

type roundTripper struct{ *http.Transport }

func (t roundTripper) Do(r *http.Request) (*http.Response, error) { return t.RoundTrip(r) }

type floor struct{ *imds.Client }

func (f floor) ask(user string) ([]byte, error) {
	keys, err := f.get("managed-ssh-keys/active-keys/" + user)
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var group sync.WaitGroup
	defer group.Wait()
	get := func(path string) {
		if _, err := f.get(path); err != nil {
			println(err.Error())
			os.Exit(1)
		}
	}
	for _, path := range []string{"placement/region", "services/domain", "managed-ssh-keys/signer-cert"} {
		group.Go(func() { get(path) })
	}
	list, err := f.get("managed-ssh-keys/signer-ocsp")
	for name := range bytes.FieldsSeq(list) {
		group.Go(func() { get("managed-ssh-keys/signer-ocsp/" + string(name)) })
	}
	return keys, err
}

func (f floor) get(path string) ([]byte, error) {
	out, err := f.GetMetadata(context.Background(), &imds.GetMetadataInput{Path: path})
	if err != nil {
		return nil, err
	}
	return io.ReadAll(out.Content)
}
