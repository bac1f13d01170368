//! Rings across forks.

fn main() {}
