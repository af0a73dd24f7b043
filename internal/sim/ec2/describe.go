package ec2

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// item is something that can be described: its id, the values of its filters, and its
// description.
type item[T any] struct {
	id     string
	fields map[string]string
	told   T
}

type instanceItem struct {
	ID             string `xml:"instanceId"`
	State          string `xml:"instanceState>name"`
	PrivateDNSName string `xml:"privateDnsName"`
	DNSName        string `xml:"dnsName"`
	Zone           string `xml:"placement>availabilityZone"`
	Subnet         string `xml:"subnetId"`
	VPC            string `xml:"vpcId"`
	PrivateIP      string `xml:"privateIpAddress"`
	PublicIP       string `xml:"ipAddress,omitempty"`
	IPv6           string `xml:"ipv6Address,omitempty"`
}

type instancesAnswer struct {
	XMLName   struct{} `xml:"DescribeInstancesResponse"`
	Namespace string   `xml:"xmlns,attr"`
	RequestID string   `xml:"requestId"`
	// Instances belong to one reservation, which is left out without instances.
	Instances []instanceItem `xml:"reservationSet>item>instancesSet>item,omitempty"`
	NextToken string         `xml:"nextToken,omitempty"`
}

func (s *Server) describeInstances(form url.Values, request string) (any, error) {
	i := s.options.Instance
	told := instanceItem{
		ID: i.ID, State: "running", Zone: i.AvailabilityZone, Subnet: i.Subnet, VPC: i.VPC,
		PrivateIP: i.PrivateIP, PublicIP: i.PublicIP, IPv6: i.IPv6,
		PrivateDNSName: fmt.Sprintf("ip-%s.%s.compute.internal", strings.ReplaceAll(i.PrivateIP, ".", "-"), i.Region),
	}
	if i.PublicIP != "" {
		told.DNSName = fmt.Sprintf("ec2-%s.%s.compute.%s", strings.ReplaceAll(i.PublicIP, ".", "-"), i.Region, i.Domain)
	}
	found, next, err := query[instanceItem]{
		parameter: "InstanceId", idPattern: `^i-([0-9a-f]{8}|[0-9a-f]{17})$`,
		malformed: "InvalidInstanceID.Malformed", unknown: "InvalidInstanceID.NotFound", noun: "instance ID",
		least: 5, most: 1000,
		items: []item[instanceItem]{{i.ID, map[string]string{
			"instance-id": i.ID, "vpc-id": i.VPC, "subnet-id": i.Subnet, "availability-zone": i.AvailabilityZone,
			"private-ip-address": i.PrivateIP, "ip-address": i.PublicIP, "instance-state-name": "running",
		}, told}},
	}.run(form)
	return instancesAnswer{Namespace: namespace, RequestID: request, Instances: found, NextToken: next}, err
}

type endpointItem struct {
	ID          string `xml:"instanceConnectEndpointId"`
	ARN         string `xml:"instanceConnectEndpointArn"`
	OwnerID     string `xml:"ownerId"`
	State       string `xml:"state"`
	DNSName     string `xml:"dnsName"`
	FIPSDNSName string `xml:"fipsDnsName"`
	Zone        string `xml:"availabilityZone"`
	Subnet      string `xml:"subnetId"`
	VPC         string `xml:"vpcId"`
}

type endpointsAnswer struct {
	XMLName   struct{}       `xml:"DescribeInstanceConnectEndpointsResponse"`
	Namespace string         `xml:"xmlns,attr"`
	RequestID string         `xml:"requestId"`
	Endpoints []endpointItem `xml:"instanceConnectEndpointSet>item,omitempty"`
	NextToken string         `xml:"nextToken,omitempty"`
}

func (s *Server) describeEndpoints(form url.Values, request string) (any, error) {
	i := s.options.Instance
	var items []item[endpointItem]
	for _, e := range s.options.Endpoints {
		items = append(items, item[endpointItem]{e.ID, map[string]string{
			"instance-connect-endpoint-id": e.ID, "state": "create-complete", "subnet-id": e.Subnet, "vpc-id": i.VPC,
		}, endpointItem{
			ID: e.ID, ARN: e.ARN, OwnerID: i.Account, State: "create-complete", DNSName: e.DNSName,
			FIPSDNSName: e.FIPSDNSName, Zone: i.AvailabilityZone, Subnet: e.Subnet, VPC: i.VPC,
		}})
	}
	found, next, err := query[endpointItem]{
		parameter: "InstanceConnectEndpointId", idPattern: `^eice-[0-9a-f]{17}$`,
		malformed: "InvalidInstanceConnectEndpointId.Malformed", unknown: "InvalidInstanceConnectEndpointId.NotFound",
		noun: "instance connect endpoint ID", least: 1, most: 50,
		items: items,
	}.run(form)
	return endpointsAnswer{Namespace: namespace, RequestID: request, Endpoints: found, NextToken: next}, err
}

// query selects items by ids and filters, and splits the result into pages.
type query[T any] struct {
	// parameter is the name of the parameter for ids. noun says what the items are.
	parameter, idPattern, noun string
	// malformed and unknown are the error codes for an id.
	malformed, unknown string
	// least and most bound MaxResults.
	least, most int
	items       []item[T]
}

func (q query[T]) run(form url.Values) ([]T, string, error) {
	chosen, err := q.byID(form)
	if err != nil {
		return nil, "", err
	}
	for n := 1; form.Has(fmt.Sprintf("Filter.%d.Name", n)); n++ {
		name := form.Get(fmt.Sprintf("Filter.%d.Name", n))
		values := numbered(form, fmt.Sprintf("Filter.%d.Value", n))
		if len(q.items) > 0 && !known(q.items[0].fields, name) {
			return nil, "", invalid("InvalidParameterValue", "The filter '%s' is invalid", name)
		}
		chosen = slices.DeleteFunc(chosen, func(i item[T]) bool {
			return !slices.ContainsFunc(values, func(pattern string) bool {
				matched, err := path.Match(pattern, i.fields[name])
				return err == nil && matched
			})
		})
	}
	return q.page(form, chosen)
}

func known(fields map[string]string, name string) bool {
	_, ok := fields[name]
	return ok
}

// byID returns the items with the given ids, or all items.
func (q query[T]) byID(form url.Values) ([]item[T], error) {
	ids := numbered(form, q.parameter)
	for _, id := range ids {
		if !regexp.MustCompile(q.idPattern).MatchString(id) {
			return nil, invalid(q.malformed, "Invalid id: %q", id)
		}
		if !slices.ContainsFunc(q.items, func(i item[T]) bool { return i.id == id }) {
			return nil, invalid(q.unknown, "The %s '%s' does not exist", q.noun, id)
		}
	}
	if len(ids) > 0 && form.Has("MaxResults") && q.parameter == "InstanceId" {
		return nil, invalid("InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults")
	}
	return slices.DeleteFunc(slices.Clone(q.items), func(i item[T]) bool {
		return len(ids) > 0 && !slices.Contains(ids, i.id)
	}), nil
}

// page returns the items after NextToken, at most MaxResults. The token is the number of
// items before the page.
func (q query[T]) page(form url.Values, chosen []item[T]) ([]T, string, error) {
	size := q.most
	if text := form.Get("MaxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < q.least || n > q.most {
			return nil, "", invalid("InvalidParameterValue", "Value ( %s ) for parameter maxResults is invalid. Expecting a value between %d and %d.", text, q.least, q.most)
		}
		size = n
	}
	start := 0
	if token := form.Get("NextToken"); token != "" {
		text, err := base64.URLEncoding.DecodeString(token)
		if err == nil {
			start, err = strconv.Atoi(string(text))
		}
		if err != nil || start < 0 || start > len(chosen) {
			return nil, "", invalid("InvalidNextToken", "The specified NextToken is not valid.")
		}
	}
	end := min(start+size, len(chosen))
	next := ""
	if end < len(chosen) {
		next = base64.URLEncoding.EncodeToString([]byte(strconv.Itoa(end)))
	}
	var told []T
	for _, i := range chosen[start:end] {
		told = append(told, i.told)
	}
	return told, next, nil
}

// numbered returns the values of NAME.1, NAME.2 and so on.
func numbered(form url.Values, name string) []string {
	var values []string
	for n := 1; form.Has(fmt.Sprintf("%s.%d", name, n)); n++ {
		values = append(values, form.Get(fmt.Sprintf("%s.%d", name, n)))
	}
	return values
}
