//! Ways to propose a plan, one file each.
