// Package cloudtrail writes calls like CloudTrail's events, one event per line of JSON.
// See AWS's "CloudTrail record contents".
package cloudtrail

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"eic/internal/sim/uuid"
)

// Log writes events. A nil Log writes nothing. It is safe for concurrent use.
type Log struct {
	writer io.Writer
	region string
	mu     sync.Mutex
}

// New returns a log for the calls in a Region.
func New(writer io.Writer, region string) *Log { return &Log{writer: writer, region: region} }

// Caller is who made a call: the ARN of an IAM principal and the access key used.
type Caller struct {
	ARN, AccessKeyID string
}

// Call is one call, with its outcome.
type Call struct {
	// Name is the operation, such as "SendSSHPublicKey".
	Name string
	// Request is the HTTP request, for the client's address and user agent.
	Request *http.Request
	Caller  Caller
	// ID is the request id in the answer.
	ID string
	// Parameters are written unchanged.
	Parameters any
	// ResourceType and ResourceARN describe the resource of the call.
	ResourceType, ResourceARN string
	// ErrorCode and ErrorMessage are "" for a successful call.
	ErrorCode, ErrorMessage string
}

type identity struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	AccessKeyID string `json:"accessKeyId"`
	UserName    string `json:"userName,omitempty"`
}

type resource struct {
	AccountID string `json:"accountId"`
	Type      string `json:"type"`
	ARN       string `json:"ARN"`
}

type event struct {
	Version      string     `json:"eventVersion"`
	Identity     identity   `json:"userIdentity"`
	Time         string     `json:"eventTime"`
	Source       string     `json:"eventSource"`
	Name         string     `json:"eventName"`
	Region       string     `json:"awsRegion"`
	Address      string     `json:"sourceIPAddress"`
	Agent        string     `json:"userAgent"`
	ErrorCode    string     `json:"errorCode,omitempty"`
	ErrorMessage string     `json:"errorMessage,omitempty"`
	Parameters   any        `json:"requestParameters"`
	Response     any        `json:"responseElements"`
	RequestID    string     `json:"requestID"`
	EventID      string     `json:"eventID"`
	ReadOnly     bool       `json:"readOnly"`
	Resources    []resource `json:"resources"`
	Type         string     `json:"eventType"`
	Management   bool       `json:"managementEvent"`
	Recipient    string     `json:"recipientAccountId"`
	Category     string     `json:"eventCategory"`
}

// Record writes the event of a call.
func (l *Log) Record(c Call) error {
	if l == nil {
		return nil
	}
	who := identify(c.Caller)
	line, err := json.Marshal(event{
		Version: "1.08", Identity: who, Time: time.Now().UTC().Format(time.RFC3339),
		Source: "ec2-instance-connect.amazonaws.com", Name: c.Name, Region: l.region,
		Address: SourceAddress(c.Request), Agent: c.Request.UserAgent(),
		ErrorCode: c.ErrorCode, ErrorMessage: c.ErrorMessage,
		Parameters: c.Parameters, RequestID: c.ID, EventID: uuid.New(),
		Resources: []resource{{who.AccountID, c.ResourceType, c.ResourceARN}},
		Type:      "AwsApiCall", Management: true, Recipient: who.AccountID, Category: "Management",
	})
	if err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err = l.writer.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	return nil
}

// SourceAddress is the address that a request came from.
func SourceAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// identify returns the type of principal of an ARN.
func identify(c Caller) identity {
	who := identity{Type: "AssumedRole", PrincipalID: "AIDASIMULATED", ARN: c.ARN, AccountID: Account(c.ARN), AccessKeyID: c.AccessKeyID}
	if _, user, ok := strings.Cut(c.ARN, ":user/"); ok {
		who.Type, who.UserName = "IAMUser", user[strings.LastIndex(user, "/")+1:]
	} else if strings.HasSuffix(c.ARN, ":root") {
		who.Type = "Root"
	}
	return who
}

// Account is the account id in an ARN, or "".
func Account(arn string) string { return field(arn, 4) }

// Partition returns the partition in an ARN, such as "aws", or "".
func Partition(arn string) string { return field(arn, 1) }

func field(arn string, i int) string {
	if fields := strings.SplitN(arn, ":", 6); len(fields) == 6 {
		return fields[i]
	}
	return ""
}
