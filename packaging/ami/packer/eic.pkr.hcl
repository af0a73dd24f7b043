# Bakes an AMI with eic: packer init . && packer build -var base=NAME .

variable "base" {
  type        = string
  description = "Name of the AMI to start from, such as al2023-ami-2023.*-x86_64."
}

variable "owner" {
  type        = string
  description = "The owner of that AMI."
  default     = "amazon"
}

variable "user" {
  type        = string
  description = "The user of that AMI for SSH logins."
  default     = "ec2-user"
}

variable "instance_type" {
  type    = string
  default = "t3.micro"
}

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "packages" {
  type        = string
  description = "The directory with the packages and install.sh."
  default     = "../../../build/packages"
}

source "amazon-ebs" "eic" {
  ami_name      = "eic-{{timestamp}}"
  instance_type = var.instance_type
  region        = var.region
  ssh_username  = var.user

  source_ami_filter {
    owners      = [var.owner]
    most_recent = true
    filters = {
      name                = var.base
      virtualization-type = "hvm"
      root-device-type    = "ebs"
    }
  }
}

build {
  sources = ["source.amazon-ebs.eic"]

  provisioner "shell" {
    inline = ["mkdir /tmp/eic"]
  }

  provisioner "file" {
    source      = "${var.packages}/"
    destination = "/tmp/eic"
  }

  provisioner "shell" {
    inline = [
      "cd /tmp/eic && sha256sum --check --quiet SHA256SUMS",
      "sudo sh /tmp/eic/install.sh",
      "rm -r /tmp/eic",
      "sudo eic doctor --offline",
    ]
  }
}
