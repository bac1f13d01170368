//! What the tools tell of best-effort readers.

use ringway::{Config, Name, Outcome, Patience, Ring as _, Start};

use crate::common::{Ring, Run, directory};
use crate::prometheus::parsed;
use crate::{RINGWAY, json};

fn said(args: &[&str]) -> String {
    String::from_utf8(Run::of(RINGWAY, args).end().with(0).stdout).unwrap()
}

#[test]
fn a_best_effort_reader_is_told_from_a_consumer_with_what_it_lost() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "ring");
    let made = ringway::file::create(&ring.path, &Config::new().slots(8)).unwrap();
    let mut reader = made.best_effort_reader(Start::Oldest).unwrap();
    reader.set_name(Name::new("re\"corder").unwrap()).unwrap();
    let mut producer = made.clone().with_name(Name::new("quotes").unwrap()).producer().unwrap();
    producer.set_patience(Patience::Lap);
    for n in 0..20_u64 {
        producer.publish(&n.to_ne_bytes()).unwrap();
    }
    let mut observer = made.observer(Start::Latest, ringway::Resume::Latest).unwrap();
    observer.set_name(Name::new("board").unwrap()).unwrap();
    observer.show().unwrap();
    let _consumer = made.consumer(Start::Latest).unwrap();
    let path = ring.path.to_str().unwrap();
    let info = || json("info", &ring.path, &["--interval", "0s"]);
    let watch = || json("watch", &ring.path, &["--count", "1"]);

    for found in [info(), watch()] {
        let [first, second] = [0, 1].map(|n| &found["consumers"][n]);
        assert_eq!(found["times_passed_over"], 1, "{found}");
        assert_eq!((&first["kind"], &second["kind"]), (&"best-effort".into(), &"consumer".into()));
        assert_eq!((&first["passed_over"], &second["passed_over"]), (&true.into(), &false.into()));
    }
    let text = said(&["info", "--interval", "0s", path]);
    for part in ["2 of up to", "1 of them best-effort", "passed over 1 time", "KIND", "passed over  0"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = said(&["watch", "--plain", "--count", "1", path]);
    for part in [
        "passed over 1; ",
        "best-effort lag 20 (passed over) lost 0",
        "producer \"quotes\"",
        "; observer \"board\"",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }

    let Outcome::Lagged(lost) = reader.try_recv().unwrap() else { panic!("it was lapped") };
    for found in [info(), watch()] {
        let first = &found["consumers"][0];
        assert_eq!((&first["lost"], &first["times_lagged"]), (&lost.into(), &1.into()), "{found}");
        assert_eq!(first["passed_over"], false);
    }
    assert!(said(&["info", path]).contains(&format!("  {lost} (1 time)  ")));
    let samples = parsed(&said(&["info", "--prometheus", path]));
    let value = |name: &str, label: &str| {
        samples.iter().find(|sample| sample.0 == name && sample.1.contains(label)).expect(name).2
    };
    let label = r#",kind="best-effort",name="re\"corder""#;
    assert_eq!(value("ringway_consumer_lost", label), lost as f64);
    assert_eq!(value("ringway_consumer_times_lagged", label), 1.0);
    assert_eq!(value("ringway_consumer_lost", r#"kind="consumer""#), 0.0);
    assert_eq!(value("ringway_times_passed_over", ""), 1.0);
}
