//! Values against what Terraform 1.11.4 makes of them: random cases, recorded from `terraform console`.

mod recorded;
