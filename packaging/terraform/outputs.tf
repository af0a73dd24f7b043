output "instances_security_group_id" {
  description = "The security group that the instances need."
  value       = aws_security_group.instances.id
}

output "login_policy_arn" {
  description = "The policy for the people who log in."
  value       = aws_iam_policy.login.arn
}
