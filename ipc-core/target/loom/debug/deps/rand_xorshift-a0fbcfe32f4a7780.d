/work/main/ipc-core/target/loom/debug/deps/rand_xorshift-a0fbcfe32f4a7780.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/rand_xorshift-0.5.0/src/lib.rs

/work/main/ipc-core/target/loom/debug/deps/librand_xorshift-a0fbcfe32f4a7780.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/rand_xorshift-0.5.0/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/rand_xorshift-0.5.0/src/lib.rs:
