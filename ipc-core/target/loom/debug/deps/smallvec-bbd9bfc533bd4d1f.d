/work/main/ipc-core/target/loom/debug/deps/smallvec-bbd9bfc533bd4d1f.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/smallvec-1.16.5/src/lib.rs

/work/main/ipc-core/target/loom/debug/deps/libsmallvec-bbd9bfc533bd4d1f.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/smallvec-1.16.5/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/smallvec-1.16.5/src/lib.rs:
