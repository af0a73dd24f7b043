package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim/iam"
)

const (
	instance = "arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0"
	endpoint = "arn:aws:ec2:us-east-1:123456789012:instance-connect-endpoint/eice-0123456789abcdef0"
)

// push returns the IAM request of SendSSHPublicKey.
func push(user string) iam.Request {
	return iam.Request{
		Action: "ec2-instance-connect:SendSSHPublicKey", Resource: instance,
		Context: map[string]string{iam.OSUser: user, iam.SourceIP: "192.0.2.5"},
	}
}

// tunnel returns the IAM request of OpenTunnel.
func tunnel(port, duration string) iam.Request {
	return iam.Request{
		Action: "ec2-instance-connect:OpenTunnel", Resource: endpoint,
		Context: map[string]string{
			iam.RemotePort: port, iam.PrivateIPAddress: "10.0.0.10", iam.MaxTunnelDuration: duration, iam.SourceIP: "192.0.2.5",
		},
	}
}

// allow returns a policy with one statement that allows.
func allow(action, resource, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":%s,"Resource":%s%s}}`, action, resource, condition)
}

func TestPolicyDecisions(t *testing.T) {
	anything := func(condition string) string { return allow(`"*"`, `"*"`, condition) }
	for name, try := range map[string]struct {
		policy  string
		request iam.Request
		want    iam.Effect
	}{
		"any action and resource":                                  {anything(""), push("alice"), iam.Allow},
		"Action matches":                                           {allow(`"ec2-instance-connect:SendSSHPublicKey"`, `"*"`, ""), push("alice"), iam.Allow},
		"Action differs in case":                                   {allow(`"EC2-instance-connect:sendsshpublickey"`, `"*"`, ""), push("alice"), iam.Allow},
		"Action is another":                                        {allow(`"ec2-instance-connect:OpenTunnel"`, `"*"`, ""), push("alice"), iam.ImplicitDeny},
		"one of several Actions matches":                           {allow(`["ec2:Describe*","ec2-instance-connect:Send???PublicKey"]`, `"*"`, ""), push("alice"), iam.Allow},
		"Resource is the instance":                                 {allow(`"*"`, `"`+instance+`"`, ""), push("alice"), iam.Allow},
		"Resource is another instance":                             {allow(`"*"`, `"`+instance+`1"`, ""), push("alice"), iam.ImplicitDeny},
		"Resource is a pattern for all instances":                  {allow(`"*"`, `"arn:aws:ec2:*:123456789012:instance/*"`, ""), push("alice"), iam.Allow},
		"Resource differs in case":                                 {allow(`"*"`, `"arn:aws:EC2:*"`, ""), push("alice"), iam.ImplicitDeny},
		"a dot in Resource matches only a dot":                     {allow(`"*"`, `"arn:aws:ec2.us-east-1*"`, ""), push("alice"), iam.ImplicitDeny},
		"StringEquals has the user":                                {anything(`{"StringEquals":{"ec2:osuser":"alice"}}`), push("alice"), iam.Allow},
		"StringEquals has the user among others":                   {anything(`{"StringEquals":{"ec2:osuser":["bob","alice"]}}`), push("alice"), iam.Allow},
		"StringEquals has another user":                            {anything(`{"StringEquals":{"ec2:osuser":"ec2-user"}}`), push("alice"), iam.ImplicitDeny},
		"condition key differs in case":                            {anything(`{"StringEquals":{"EC2:OSUser":"alice"}}`), push("alice"), iam.Allow},
		"StringNotEquals has the user":                             {anything(`{"StringNotEquals":{"ec2:osuser":"root"}}`), push("root"), iam.ImplicitDeny},
		"StringNotEquals has another user":                         {anything(`{"StringNotEquals":{"ec2:osuser":"root"}}`), push("alice"), iam.Allow},
		"StringLike matches":                                       {anything(`{"StringLike":{"ec2:osuser":"al*"}}`), push("alice"), iam.Allow},
		"StringNotLike matches":                                    {anything(`{"StringNotLike":{"ec2:osuser":"al*"}}`), push("alice"), iam.ImplicitDeny},
		"StringEquals has no wildcards":                            {anything(`{"StringEquals":{"ec2:osuser":"al*"}}`), push("alice"), iam.ImplicitDeny},
		"StringEquals without the condition key in the request":    {anything(`{"StringEquals":{"ec2:osuser":"alice"}}`), tunnel("22", "3600"), iam.ImplicitDeny},
		"StringNotEquals without the condition key in the request": {anything(`{"StringNotEquals":{"ec2:osuser":"alice"}}`), tunnel("22", "3600"), iam.Allow},
		"IpAddress has the client's network":                       {anything(`{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`), push("alice"), iam.Allow},
		"IpAddress has the client's address":                       {anything(`{"IpAddress":{"aws:SourceIp":"192.0.2.5"}}`), push("alice"), iam.Allow},
		"NotIpAddress has the client's network":                    {anything(`{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`), push("alice"), iam.ImplicitDeny},
		"NumericEquals has the port":                               {anything(`{"NumericEquals":{"ec2-instance-connect:remotePort":22}}`), tunnel("22", "3600"), iam.Allow},
		"NumericEquals has another port":                           {anything(`{"NumericEquals":{"ec2-instance-connect:remotePort":"22"}}`), tunnel("3389", "3600"), iam.ImplicitDeny},
		"IpAddress has the instance's subnet":                      {anything(`{"IpAddress":{"ec2-instance-connect:privateIpAddress":"10.0.0.0/24"}}`), tunnel("22", "3600"), iam.Allow},
		"IpAddress has another subnet":                             {anything(`{"IpAddress":{"ec2-instance-connect:privateIpAddress":"10.0.1.0/24"}}`), tunnel("22", "3600"), iam.ImplicitDeny},
		"NumericLessThanEquals has the duration":                   {anything(`{"NumericLessThanEquals":{"ec2-instance-connect:maxTunnelDuration":"3600"}}`), tunnel("22", "3600"), iam.Allow},
		"NumericLessThan has the duration":                         {anything(`{"NumericLessThan":{"ec2-instance-connect:maxTunnelDuration":"3600"}}`), tunnel("22", "3600"), iam.ImplicitDeny},
		"NumericGreaterThan has the duration":                      {anything(`{"NumericGreaterThan":{"ec2-instance-connect:maxTunnelDuration":"60"}}`), tunnel("22", "60"), iam.ImplicitDeny},
		"NumericNotEquals has another port":                        {anything(`{"NumericNotEquals":{"ec2-instance-connect:remotePort":"3389"}}`), tunnel("22", "60"), iam.Allow},
		"one of two conditions fails":                              {anything(`{"StringEquals":{"ec2:osuser":"alice"},"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}`), push("alice"), iam.ImplicitDeny},
		"Deny overrides Allow": {`{"Version":"2012-10-17","Statement":[
			{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"ec2:osuser":"root"}}},
			{"Effect":"Allow","Action":"*","Resource":"*"}]}`, push("root"), iam.ExplicitDeny},
		"Deny is for another user": {`{"Version":"2012-10-17","Id":"policy","Statement":[
			{"Sid":"all","Effect":"Allow","Action":"*","Resource":"*"},
			{"Sid":"root","Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"ec2:osuser":"root"}}}]}`, push("alice"), iam.Allow},
	} {
		t.Run(name, func(t *testing.T) {
			policy, err := iam.ParsePolicy([]byte(try.policy))
			require.NoError(t, err)
			require.Equal(t, try.want, policy.Decide(try.request))
		})
	}
	require.Equal(t, iam.Allow, (*iam.Policy)(nil).Decide(push("alice")), "expected a nil policy to allow everything")
}

// An ignored part of a policy could be the part that denies.
func TestUnsupportedPolicyIsRefused(t *testing.T) {
	condition := func(text string) string { return allow(`"*"`, `"*"`, text) }
	for policy, says := range map[string]string{
		``:                            "EOF",
		`{}`:                          `Version: expected "2012-10-17", got ""`,
		`{"Version":"2012-10-17"} {}`: "expected one JSON value, got more",
		`{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`: `got "2008-10-17"`,
		`{"Version":"2012-10-17"}`: "expected a Statement, got none",
		`{"Version":"2012-10-17","Statement":{"Effect":"Permit","Action":"*","Resource":"*"}}`:                `statement 1: reading Effect: expected "Allow" or "Deny", got "Permit"`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*"}}`:                              "expected an Action, got none",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*"}}`:                                "expected a Resource, got none",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":"*","Resource":"*"}}`:              `unknown field "NotAction"`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}}`: `unknown field "Principal"`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}}`: `"Effect" occurs twice`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Deny","effect":"Allow","Action":"*","Resource":"*"}}`: `"effect" occurs twice`,
		allow(`"SendSSHPublicKey"`, `"*"`, ""):                                                                `expected SERVICE:OPERATION or *, got "SendSSHPublicKey"`,
		allow(`"*"`, `"i-0123456789abcdef0"`, ""):                                                             `expected an ARN or *, got "i-0123456789abcdef0"`,
		allow(`"*"`, `"arn:aws:ec2:*:*:instance/${aws:username}"`, ""):                                        "policy variables are unknown here",
		condition(`{"StringEquals":{"ec2:osuser":"${aws:username}"}}`):                                        "policy variables are unknown here",
		condition(`{"StringEquals":{"aws:username":"alice"}}`):                                                `unknown condition key "aws:username"`,
		condition(`{"StringEqualsIfExists":{"ec2:osuser":"alice"}}`):                                          `unknown operator "StringEqualsIfExists"`,
		condition(`{"StringEquals":{"ec2-instance-connect:remotePort":"22"}}`):                                `expected an operator for a key of type Numeric, got "StringEquals"`,
		condition(`{"NumericEquals":{"ec2-instance-connect:remotePort":"ssh"}}`):                              `expected a number, got "ssh"`,
		condition(`{"IpAddress":{"aws:SourceIp":"192.0.2.0/33"}}`):                                            `expected an IP address or a range in CIDR notation, got "192.0.2.0/33"`,
		condition(`{"StringEquals":{"ec2:osuser":[]}}`):                                                       "expected a value, got none",
		condition(`{"StringEquals":{"ec2:osuser":true}}`):                                                     "expected a string or a number, got true",
	} {
		t.Run(says, func(t *testing.T) {
			_, err := iam.ParsePolicy([]byte(policy))
			require.ErrorContains(t, err, says)
			require.ErrorContains(t, err, "parsing policy: ")
		})
	}
}

// FuzzParsePolicy checks that any text is either refused or a policy that decides, and that a
// text without "Allow" allows nothing.
func FuzzParsePolicy(f *testing.F) {
	f.Add(allow(`"*"`, `"*"`, `{"StringEquals":{"ec2:osuser":["alice",1]}}`), "alice")
	f.Add(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["ec2:?*"],"Resource":["arn:*"],"Condition":{"NotIpAddress":{"aws:SourceIp":"::/0"}}}]}`, "root")
	f.Fuzz(func(t *testing.T, text, user string) {
		policy, err := iam.ParsePolicy([]byte(text))
		if err != nil {
			require.Nil(t, policy)
			return
		}
		if policy.Decide(push(user)) == iam.Allow && !strings.Contains(text, `\u`) {
			require.Contains(t, text, "Allow")
		}
		policy.Decide(tunnel("22", "3600"))
	})
}
