package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2instanceconnect"

	"eic/internal/sim"
)

const pushAbout = `Pushes a public key to a running simulator with a SendSSHPublicKey call of the
AWS SDK, and prints the request id.`

func runPush(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := command{name: "push", about: pushAbout}
	flags := c.group("Flags")
	api := flags.String("api", "", "`URL` of the API, as serve prints it (required)")
	user := flags.String("user", "", "push the key for `USER` on the instance (required)")
	keyFile := flags.String("key", "", "`FILE` with the public key (required)")
	instance := flags.String("instance-id", sim.DefaultInstanceID, "`ID` of the instance")
	region := flags.String("region", sim.DefaultRegion, "sign the call for `REGION`")
	secret := flags.String("secret", madeUpSecret, "sign the call with the access key `ID=SECRET`")
	if status, done := c.parse(args, stdout, stderr); done {
		return status
	}
	id, secretKey, err := parseSecret(*secret)
	if err != nil {
		return wrong(stderr, c.name, err)
	}
	if *api == "" || *user == "" || *keyFile == "" {
		return wrong(stderr, c.name, fmt.Errorf("--api, --user and --key are required"))
	}
	key, err := os.ReadFile(*keyFile)
	if err != nil {
		return failed(stderr, fmt.Errorf("reading the key to push: %w", err))
	}
	client := ec2instanceconnect.New(ec2instanceconnect.Options{
		BaseEndpoint: api,
		Region:       *region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: id, SecretAccessKey: secretKey}, nil
		}),
	})
	out, err := client.SendSSHPublicKey(ctx, &ec2instanceconnect.SendSSHPublicKeyInput{
		InstanceId:     instance,
		InstanceOSUser: user,
		SSHPublicKey:   aws.String(string(key)),
	})
	if err != nil {
		return failed(stderr, fmt.Errorf("pushing the key: %w", err))
	}
	fmt.Fprintln(stdout, aws.ToString(out.RequestId))
	return exitOK
}
