// Package sigv4 verifies AWS's Signature Version 4, in the Authorization header and in
// the query of a presigned URL. It signs the request again with the AWS SDK and compares.
//
// Without secrets it only checks that a request has the form of a signed one.
package sigv4

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// The reasons for refusing a signature. Callers translate them into codes of their
// protocol.
var (
	ErrMissing    = errors.New("missing authentication token")
	ErrIncomplete = errors.New("incomplete signature")
	ErrUnknownKey = errors.New("unknown access key id")
	ErrMismatch   = errors.New("the signature does not match")
	ErrExpired    = errors.New("signature expired")
)

// Secrets are secret access keys by access key id. Without any, signatures are not
// verified.
type Secrets map[string]string

// skew is how far the date of a signed request may be from now, and how long a presigned
// URL without X-Amz-Expires is valid.
const skew = 15 * time.Minute

// dateFormat is the format of X-Amz-Date.
const dateFormat = "20060102T150405Z"

var (
	authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})$`)
	scope         = regexp.MustCompile(`^([^/\s]+)/(\d{8})/([^/\s]+)/([^/\s]+)/aws4_request$`)
	hexSignature  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// signature is the part of a request that describes its signature.
type signature struct {
	id, region string
	date       time.Time
	value      string
}

// Header verifies a request to a service that is signed in its headers, and returns the
// access key id. body is passed separately because the request's body may have been read.
func (s Secrets) Header(r *http.Request, body []byte, service string, now time.Time) (string, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return "", ErrMissing
	}
	parts := authorization.FindStringSubmatch(header)
	if parts == nil {
		return "", fmt.Errorf("%w: expected an Authorization header of Signature Version 4", ErrIncomplete)
	}
	sig, err := parse(parts[1], r.Header.Get("X-Amz-Date"), parts[3], service)
	if err != nil || len(s) == 0 {
		return sig.id, err
	}
	if now.Sub(sig.date).Abs() > skew {
		return "", fmt.Errorf("%w: %s is not within 15 minutes of %s", ErrExpired, sig.date.Format(dateFormat), now.UTC().Format(dateFormat))
	}
	return sig.id, s.compare(sig, func(credentials aws.Credentials) (string, error) {
		again := bare(r, r.URL.Query())
		for name := range strings.SplitSeq(parts[2], ";") {
			if name == "content-length" {
				again.ContentLength = int64(len(body))
			} else if values := r.Header.Values(name); len(values) > 0 {
				again.Header[http.CanonicalHeaderKey(name)] = values
			}
		}
		err := v4.NewSigner().SignHTTP(context.Background(), credentials, again, digest(body), service, sig.region, sig.date)
		_, value, _ := strings.Cut(again.Header.Get("Authorization"), "Signature=")
		return value, err
	})
}

// Presigned verifies a request to a service that is signed in its query, and returns the
// access key id. The body must be empty.
func (s Secrets) Presigned(r *http.Request, service string, now time.Time) (string, error) {
	query := r.URL.Query()
	if query.Get("X-Amz-Signature") == "" {
		return "", ErrMissing
	}
	value := query.Get("X-Amz-Signature")
	if query.Get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" || query.Get("X-Amz-SignedHeaders") != "host" || !hexSignature.MatchString(value) {
		return "", fmt.Errorf("%w: expected the query parameters of Signature Version 4 with host as the only signed header", ErrIncomplete)
	}
	sig, err := parse(query.Get("X-Amz-Credential"), query.Get("X-Amz-Date"), value, service)
	if err != nil {
		return "", err
	}
	if err := current(sig.date, query, now); err != nil || len(s) == 0 {
		return sig.id, err
	}
	return sig.id, s.compare(sig, func(credentials aws.Credentials) (string, error) {
		credentials.SessionToken = query.Get("X-Amz-Security-Token")
		for name := range query {
			if strings.HasPrefix(name, "X-Amz-") && name != "X-Amz-Expires" {
				query.Del(name)
			}
		}
		signed, _, err := v4.NewSigner().PresignHTTP(context.Background(), credentials, bare(r, query), digest(nil), service, sig.region, sig.date)
		if err != nil {
			return "", err
		}
		again, err := url.Parse(signed)
		if err != nil {
			return "", err
		}
		return again.Query().Get("X-Amz-Signature"), nil
	})
}

// parse checks the parts that both forms of signatures have.
func parse(credential, date, value, service string) (signature, error) {
	parts := scope.FindStringSubmatch(credential)
	if parts == nil || parts[4] != service {
		return signature{}, fmt.Errorf("%w: expected a credential for the service %s, got %q", ErrIncomplete, service, credential)
	}
	when, err := time.Parse(dateFormat, date)
	if err != nil {
		return signature{}, fmt.Errorf("%w: expected X-Amz-Date as in %s, got %q", ErrIncomplete, dateFormat, date)
	}
	return signature{id: parts[1], region: parts[3], date: when, value: value}, nil
}

// current checks that a presigned URL is neither expired nor from the future.
func current(date time.Time, query url.Values, now time.Time) error {
	lifetime := skew
	if text := query.Get("X-Amz-Expires"); text != "" {
		seconds, err := strconv.ParseUint(text, 10, 20)
		if err != nil {
			return fmt.Errorf("%w: expected X-Amz-Expires in seconds, got %q", ErrIncomplete, text)
		}
		lifetime = time.Duration(seconds) * time.Second
	}
	if now.After(date.Add(lifetime)) || date.After(now.Add(skew)) {
		return fmt.Errorf("%w: the URL is good for %s from %s", ErrExpired, lifetime, date.Format(dateFormat))
	}
	return nil
}

// compare signs a request again with the secret of its access key, and compares the
// signatures.
func (s Secrets) compare(sig signature, sign func(aws.Credentials) (string, error)) error {
	secret, known := s[sig.id]
	if !known {
		return fmt.Errorf("%w %q", ErrUnknownKey, sig.id)
	}
	value, err := sign(aws.Credentials{AccessKeyID: sig.id, SecretAccessKey: secret})
	if err != nil {
		return err
	}
	if value != sig.value {
		return ErrMismatch
	}
	return nil
}

// bare returns a request to sign: method, host, path and a query, without headers.
func bare(r *http.Request, query url.Values) *http.Request {
	return &http.Request{
		Method: r.Method, Host: r.Host, Header: make(http.Header), ContentLength: -1,
		URL: &url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: query.Encode()},
	}
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
