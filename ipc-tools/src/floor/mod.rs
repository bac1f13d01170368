//! What round trips are compared with: two cores, and bare cache lines between them. `ipc-pingpong` and the benchmarks
//! beside other libraries measure their floors with the same code.

pub mod cores;
pub mod lines;
pub mod machine;
pub mod placement;
