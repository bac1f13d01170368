//! A process that dies in the middle of an operation, before any instruction, costs the others nothing.
//!
//! A child does one operation on a live ring, traced. It is stopped before each instruction in turn, those of
//! the system's library included, and killed there (`SIGKILL`). Then the survivors verify: a producer takes
//! over in the next epoch, or the dead consumer's cell is taken again; a consumer and an observer that were
//! there before get each message once, in order and whole; no bytes change after a reader has accepted
//! them. All this once with the readers at rest, and once beside a consumer that holds a message and an
//! observer that stands in the middle of its copy of the message that is being overwritten.
//!
//! Without optimisation the long operations have up to a hundred thousand instructions each. Of those there are kills
//! before and after each instruction that calls the system or changes shared memory, and at a sample of the rest: there
//! nobody can tell the dead process from one that died an instruction earlier. While the operation is recorded, the
//! memory is compared after each instruction. With `RINGWAY_KILLS=all` there is a kill at every one.

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn main() {
    println!("skipped: instructions are stepped through on x86_64 alone");
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn main() {
    steps::main();
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod steps;
