package ec2_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim/ec2"
	"eic/internal/sim/iam"
)

const signed = "AWS4-HMAC-SHA256 Credential=AKID/20261122/us-east-1/ec2/aws4_request, " +
	"SignedHeaders=host;x-amz-date, Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

var instance = ec2.Instance{
	ID: "i-0123456789abcdef0", Region: "us-east-1", AvailabilityZone: "us-east-1a", Domain: "amazonaws.com",
	PrivateIP: "10.0.0.10", VPC: "vpc-1", Subnet: "subnet-1", Partition: "aws", Account: "123456789012",
}

func endpoints() []ec2.Endpoint {
	return []ec2.Endpoint{
		instance.Endpoint("eice-00000000000000001", "subnet-1"),
		instance.Endpoint("eice-00000000000000002", "subnet-2"),
		instance.Endpoint("eice-00000000000000003", "subnet-2"),
	}
}

// call sends a form to an API and returns the status and the body of its answer.
func call(t *testing.T, options ec2.Options, authorization, form string) (int, string) {
	t.Helper()
	if options.Gate == nil {
		options.Gate = &iam.Gate{Caller: "arn:aws:iam::123456789012:user/alice"}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("Authorization", authorization)
	r.Header.Set("X-Amz-Date", "20261122T000000Z")
	require.True(t, ec2.IsQuery(r))
	w := httptest.NewRecorder()
	ec2.New(options).ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	require.NoError(t, err)
	return w.Code, string(body)
}

func TestDescribeInstances(t *testing.T) {
	full := instance
	full.PublicIP, full.IPv6 = "198.51.100.10", "2001:db8::10"
	status, body := call(t, ec2.Options{Instance: full}, signed, "Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-0123456789abcdef0")
	require.Equal(t, http.StatusOK, status)
	require.Regexp(t, `^<\?xml version="1.0" encoding="UTF-8"\?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>[0-9a-f-]{36}</requestId><reservationSet><item><instancesSet><item><instanceId>i-0123456789abcdef0</instanceId>`, body)
	for _, element := range []string{
		"<placement><availabilityZone>us-east-1a</availabilityZone></placement>", "<vpcId>vpc-1</vpcId>", "<subnetId>subnet-1</subnetId>",
		"<privateIpAddress>10.0.0.10</privateIpAddress>", "<ipAddress>198.51.100.10</ipAddress>", "<ipv6Address>2001:db8::10</ipv6Address>",
		"<dnsName>ec2-198-51-100-10.us-east-1.compute.amazonaws.com</dnsName>",
		"<privateDnsName>ip-10-0-0-10.us-east-1.compute.internal</privateDnsName>",
	} {
		require.Contains(t, body, element)
	}
	_, body = call(t, ec2.Options{Instance: instance}, signed, "Action=DescribeInstances")
	require.NotContains(t, body, "ipAddress>198")
	require.NotContains(t, body, "ipv6Address")
	require.Contains(t, body, "<dnsName></dnsName>")
}

// ids returns the last digits of the ids of the Endpoints in an answer.
func ids(body string) []string {
	var found []string
	for _, match := range regexp.MustCompile(`<instanceConnectEndpointId>(.*?)<`).FindAllStringSubmatch(body, -1) {
		found = append(found, match[1][len("eice-0000000000000000"):])
	}
	return found
}

func TestDescribeInstanceConnectEndpointsFilters(t *testing.T) {
	for form, want := range map[string][]string{
		"": {"1", "2", "3"},
		"&InstanceConnectEndpointId.1=eice-00000000000000002":                                               {"2"},
		"&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&Filter.2.Name=state&Filter.2.Value.1=create-complete": {"1", "2", "3"},
		"&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-2":                                                      nil,
		"&Filter.1.Name=subnet-id&Filter.1.Value.1=subnet-2":                                                {"2", "3"},
		"&Filter.1.Name=subnet-id&Filter.1.Value.1=subnet-1&Filter.1.Value.2=subnet-2":                      {"1", "2", "3"},
		"&Filter.1.Name=subnet-id&Filter.1.Value.1=subnet-?":                                                {"1", "2", "3"},
		"&Filter.1.Name=state&Filter.1.Value.1=create-in-progress":                                          nil,
		"&MaxResults=2": {"1", "2"},
	} {
		t.Run(form, func(t *testing.T) {
			status, body := call(t, ec2.Options{Instance: instance, Endpoints: endpoints()}, signed, "Action=DescribeInstanceConnectEndpoints"+form)
			require.Equal(t, http.StatusOK, status, body)
			require.Equal(t, want, ids(body))
		})
	}
	_, body := call(t, ec2.Options{Instance: instance, Endpoints: endpoints()}, signed, "Action=DescribeInstanceConnectEndpoints")
	require.Regexp(t, `<dnsName>eice-00000000000000001\.[0-9a-f]{8}\.ec2-instance-connect-endpoint\.us-east-1\.amazonaws\.com</dnsName>`, body)
	require.Regexp(t, `<fipsDnsName>eice-00000000000000001\.[0-9a-f]{8}\.fips\.ec2-instance-connect-endpoint\.us-east-1\.amazonaws\.com</fipsDnsName>`, body)
}

func TestPagesHaveEveryEndpointOnce(t *testing.T) {
	options := ec2.Options{Instance: instance, Endpoints: endpoints()}
	var all []string
	token := ""
	for range 3 {
		status, body := call(t, options, signed, "Action=DescribeInstanceConnectEndpoints&MaxResults=1&NextToken="+url.QueryEscape(token))
		require.Equal(t, http.StatusOK, status)
		all = append(all, ids(body)...)
		token = ""
		if match := regexp.MustCompile(`<nextToken>(.*?)<`).FindStringSubmatch(body); match != nil {
			token = match[1]
		}
	}
	require.Equal(t, []string{"1", "2", "3"}, all)
	require.Empty(t, token)
}

func TestRefusedCallHasTheErrorCodeOfEC2(t *testing.T) {
	policy, err := iam.ParsePolicy([]byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"*"},
		{"Effect":"Deny","Action":"ec2:DescribeInstances","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}]}`))
	require.NoError(t, err)
	restricted := &iam.Gate{Caller: "arn:aws:iam::123456789012:user/alice", Policy: policy}
	for _, try := range []struct {
		form, authorization string
		gate                *iam.Gate
		status              int
		code, message       string
	}{
		{"Action=DescribeInstances&InstanceId.1=i-00000000000000000", signed, nil, 400, "InvalidInstanceID.NotFound", "The instance ID &#39;i-00000000000000000&#39; does not exist"},
		{"Action=DescribeInstances&InstanceId.1=web", signed, nil, 400, "InvalidInstanceID.Malformed", "Invalid id"},
		{"Action=DescribeInstances&InstanceId.1=i-0123456789abcdef0&MaxResults=5", signed, nil, 400, "InvalidParameterCombination", "instancesSet"},
		{"Action=DescribeInstances&MaxResults=4", signed, nil, 400, "InvalidParameterValue", "Expecting a value between 5 and 1000"},
		{"Action=DescribeInstances&Filter.1.Name=color&Filter.1.Value.1=red", signed, nil, 400, "InvalidParameterValue", "The filter &#39;color&#39; is invalid"},
		{"Action=DescribeInstances&NextToken=next", signed, nil, 400, "InvalidNextToken", "not valid"},
		{"Action=DescribeInstanceConnectEndpoints&InstanceConnectEndpointId.1=eice-0000000000000000f", signed, nil, 400, "InvalidInstanceConnectEndpointId.NotFound", "does not exist"},
		{"Action=DescribeInstanceConnectEndpoints&InstanceConnectEndpointId.1=eice-1", signed, nil, 400, "InvalidInstanceConnectEndpointId.Malformed", "Invalid id"},
		{"Action=RunInstances", signed, nil, 400, "InvalidAction", "The action RunInstances is not valid for this web service."},
		{"Action=%", signed, nil, 400, "MalformedQueryString", ""},
		{"Action=DescribeInstances", "", nil, 403, "MissingAuthenticationToken", ""},
		{"Action=DescribeInstances", strings.Replace(signed, "/ec2/", "/s3/", 1), nil, 400, "IncompleteSignature", ""},
		{"Action=DescribeInstances", signed, &iam.Gate{Principals: map[string]iam.Principal{"OTHER": {Secret: "secret"}}}, 400, "RequestExpired", ""},
		{"Action=DescribeInstanceConnectEndpoints", signed, restricted, 403, "UnauthorizedOperation",
			"You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/alice is not authorized to perform: " +
				"ec2:DescribeInstanceConnectEndpoints because no identity-based policy allows the ec2:DescribeInstanceConnectEndpoints action"},
	} {
		t.Run(try.code, func(t *testing.T) {
			status, body := call(t, ec2.Options{Instance: instance, Endpoints: endpoints(), Gate: try.gate}, try.authorization, try.form)
			require.Equal(t, try.status, status)
			require.Contains(t, body, "<Response><Errors><Error><Code>"+try.code+"</Code>")
			require.Contains(t, body, try.message)
		})
	}
	status, body := call(t, ec2.Options{Instance: instance, Throttled: true}, signed, "Action=DescribeInstances")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "<Code>RequestLimitExceeded</Code>")
}
