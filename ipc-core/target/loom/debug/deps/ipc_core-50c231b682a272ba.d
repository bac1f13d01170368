/work/main/ipc-core/target/loom/debug/deps/ipc_core-50c231b682a272ba.d: /work/main/clippy.toml ipc-core/src/lib.rs ipc-core/src/batch.rs ipc-core/src/claim.rs ipc-core/src/consumer.rs ipc-core/src/copy.rs ipc-core/src/edge.rs ipc-core/src/error.rs ipc-core/src/fault.rs ipc-core/src/gate.rs ipc-core/src/geometry.rs ipc-core/src/header.rs ipc-core/src/join.rs ipc-core/src/layout.rs ipc-core/src/liveness.rs ipc-core/src/message.rs ipc-core/src/observer.rs ipc-core/src/producer.rs ipc-core/src/region.rs ipc-core/src/region/model.rs ipc-core/src/ring.rs ipc-core/src/seq.rs ipc-core/src/slot.rs ipc-core/src/sync.rs ipc-core/src/typed.rs ipc-core/src/wait.rs ipc-core/src/watch.rs Cargo.toml

/work/main/ipc-core/target/loom/debug/deps/libipc_core-50c231b682a272ba.rmeta: /work/main/clippy.toml ipc-core/src/lib.rs ipc-core/src/batch.rs ipc-core/src/claim.rs ipc-core/src/consumer.rs ipc-core/src/copy.rs ipc-core/src/edge.rs ipc-core/src/error.rs ipc-core/src/fault.rs ipc-core/src/gate.rs ipc-core/src/geometry.rs ipc-core/src/header.rs ipc-core/src/join.rs ipc-core/src/layout.rs ipc-core/src/liveness.rs ipc-core/src/message.rs ipc-core/src/observer.rs ipc-core/src/producer.rs ipc-core/src/region.rs ipc-core/src/region/model.rs ipc-core/src/ring.rs ipc-core/src/seq.rs ipc-core/src/slot.rs ipc-core/src/sync.rs ipc-core/src/typed.rs ipc-core/src/wait.rs ipc-core/src/watch.rs Cargo.toml

/work/main/clippy.toml:
ipc-core/src/lib.rs:
ipc-core/src/batch.rs:
ipc-core/src/claim.rs:
ipc-core/src/consumer.rs:
ipc-core/src/copy.rs:
ipc-core/src/edge.rs:
ipc-core/src/error.rs:
ipc-core/src/fault.rs:
ipc-core/src/gate.rs:
ipc-core/src/geometry.rs:
ipc-core/src/header.rs:
ipc-core/src/join.rs:
ipc-core/src/layout.rs:
ipc-core/src/liveness.rs:
ipc-core/src/message.rs:
ipc-core/src/observer.rs:
ipc-core/src/producer.rs:
ipc-core/src/region.rs:
ipc-core/src/region/model.rs:
ipc-core/src/ring.rs:
ipc-core/src/seq.rs:
ipc-core/src/slot.rs:
ipc-core/src/sync.rs:
ipc-core/src/typed.rs:
ipc-core/src/wait.rs:
ipc-core/src/watch.rs:
Cargo.toml:

# env-dep:CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__
# env-dep:CLIPPY_CONF_DIR
