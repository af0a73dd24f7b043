variable "vpc_id" {
  description = "The VPC of the instances."
  type        = string
}

variable "subnet_id" {
  description = "The subnet for the Endpoint. It needs a route to the instances, but not to the Internet."
  type        = string
}

variable "name" {
  description = "The prefix of the names of all resources."
  type        = string
  default     = "eic"
}

variable "instance_tag" {
  description = "People may log in to instances that have this tag."
  type        = object({ key = string, value = string })
  default     = { key = "eic", value = "on" }
}

variable "os_users" {
  description = "The users on the instances for whom keys may be pushed."
  type        = list(string)
  default     = ["ec2-user"]
}

variable "max_tunnel_seconds" {
  description = "How long a tunnel may last, at most 3600."
  type        = number
  default     = 3600
}
