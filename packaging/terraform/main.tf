# The resources outside of the instances: an EC2 Instance Connect Endpoint, security
# groups for the Endpoint and the instances, and the policy for people who log in.

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  arn = "arn:${data.aws_partition.current.partition}:ec2:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
}

resource "aws_security_group" "endpoint" {
  name        = "${var.name}-endpoint"
  description = "The EC2 Instance Connect Endpoint: SSH to the instances and nothing else"
  vpc_id      = var.vpc_id
}

# Add this group to the instances.
resource "aws_security_group" "instances" {
  name        = "${var.name}-instances"
  description = "Instances: SSH from the EC2 Instance Connect Endpoint"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "endpoint" {
  security_group_id            = aws_security_group.endpoint.id
  referenced_security_group_id = aws_security_group.instances.id
  description                  = "SSH to the instances"
  ip_protocol                  = "tcp"
  from_port                    = 22
  to_port                      = 22
}

resource "aws_vpc_security_group_ingress_rule" "instances" {
  security_group_id            = aws_security_group.instances.id
  referenced_security_group_id = aws_security_group.endpoint.id
  description                  = "SSH from the Endpoint"
  ip_protocol                  = "tcp"
  from_port                    = 22
  to_port                      = 22
}

# The instances see the Endpoint's address. To see the client's address, they would need a
# rule for it.
resource "aws_ec2_instance_connect_endpoint" "this" {
  subnet_id          = var.subnet_id
  security_group_ids = [aws_security_group.endpoint.id]
  preserve_client_ip = false
  tags               = { Name = var.name }
}

data "aws_iam_policy_document" "login" {
  statement {
    sid       = "PushAKey"
    actions   = ["ec2-instance-connect:SendSSHPublicKey"]
    resources = ["${local.arn}:instance/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${var.instance_tag.key}"
      values   = [var.instance_tag.value]
    }

    condition {
      test     = "StringEquals"
      variable = "ec2:osuser"
      values   = var.os_users
    }
  }

  statement {
    sid       = "OpenATunnelToPort22"
    actions   = ["ec2-instance-connect:OpenTunnel"]
    resources = [aws_ec2_instance_connect_endpoint.this.arn]

    condition {
      test     = "NumericEquals"
      variable = "ec2-instance-connect:remotePort"
      values   = ["22"]
    }

    condition {
      test     = "NumericLessThanEquals"
      variable = "ec2-instance-connect:maxTunnelDuration"
      values   = [tostring(var.max_tunnel_seconds)]
    }
  }

  # These two actions support no resource.
  statement {
    sid       = "FindInstanceAndEndpoint"
    actions   = ["ec2:DescribeInstances", "ec2:DescribeInstanceConnectEndpoints"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "login" {
  name        = "${var.name}-login"
  description = "Log in to instances with EC2 Instance Connect"
  policy      = data.aws_iam_policy_document.login.json
}
