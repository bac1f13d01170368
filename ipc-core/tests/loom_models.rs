//! Every model, unharmed: it must pass. Run by `cargo loom`.

mod models;

/// Each model at the preemption bound of CI, or deeper where `RINGWAY_LOOM_PREEMPTIONS` says so.
macro_rules! models {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            let bound = std::env::var("RINGWAY_LOOM_PREEMPTIONS").map_or(2, |text| text.parse().unwrap());
            let began = std::time::Instant::now();
            let executions = models::explore(bound, models::$name);
            // In a line of its own, whatever the test harness has begun to print.
            print!("\nmodel {}: {executions} executions in {:.1?}\n", stringify!($name), began.elapsed());
            assert!(executions > 1, "a model of one execution explores nothing");
        }
    )*};
}

models! {
    consume gate leave head batch abandoned close
    observe observe_laps observe_batch observe_abandoned
    join_latest join_oldest join_at rejoin leave_rejoin
    format epoch succession reopened lost lost_or_closed
}
