//! Test programs without test threads: only a process with one thread may be forked.
//!
//! A program with `harness = false` names its tests with [`named!`](crate::named) and gives them to [`run_alone`], or
//! builds its own trials. With one test thread, libtest-mimic runs the tests on the main thread.

pub use libtest_mimic::{Conclusion, Failed, Trial};

use libtest_mimic::Arguments;

use crate::child;

/// A test: it panics if the promise that it is named for doesn't hold.
pub type Test = (&'static str, fn());

/// Functions with their names.
#[macro_export]
macro_rules! named {
    ($($function:ident),+ $(,)?) => { &[$((stringify!($function), $function)),+] };
}

/// Runs each test in a child of its own, then ends the program.
pub fn run_alone(tests: &[Test]) -> ! {
    run(tests.iter().map(|&(name, test)| alone(name, test)).collect())
}

/// Runs these trials on the main thread, then ends the program.
pub fn run(trials: Vec<Trial>) -> ! {
    conclude(trials).exit()
}

/// Runs these trials on the main thread.
pub fn conclude(trials: Vec<Trial>) -> Conclusion {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials)
}

/// A test in a forked child: a test that hangs is ended by `SIGALRM`, and no test inherits anything from another.
pub fn alone(name: impl Into<String>, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || child::runs_to_its_end(test).map_err(Failed::from))
}

/// A test in the program's own process.
pub fn here(name: impl Into<String>, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}
