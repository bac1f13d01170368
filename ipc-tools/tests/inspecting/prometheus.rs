//! What `info --prometheus` writes.

use ringway::{Config, Ring as _, Start};

use crate::RINGWAY;
use crate::common::{Ring, Run, directory};

/// Parses the text exposition format: name, labels, value. Asserts what it demands.
#[track_caller]
pub fn parsed(text: &str) -> Vec<(String, String, f64)> {
    let mut samples = Vec::new();
    let (mut helped, mut family) = (None, None);
    let mut seen = Vec::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect(line);
            assert!(!seen.contains(&name) && !help.is_empty(), "{line}");
            seen.push(name);
            helped = Some(name);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect(line);
            assert!(helped == Some(name) && ["counter", "gauge"].contains(&kind), "{line}");
            family = Some(name);
        } else {
            let (name, rest) = line.split_once('{').expect(line);
            let (labels, value) = rest.rsplit_once("} ").expect(line);
            assert_eq!(family, Some(name), "{line}");
            let same = |(other, others, _): &(String, String, f64)| other == name && others == labels;
            assert!(!samples.iter().any(same), "twice: {line}");
            samples.push((name.into(), labels.into(), value.parse().expect(line)));
        }
    }
    samples
}

#[test]
fn prometheus_gets_all_figures_of_all_rings_and_which_are_down() {
    let dir = directory();
    let ring = Ring::at(dir.path(), "a\"b\\c\nd");
    let made = ringway::file::create(&ring.path, &Config::new().slots(8)).unwrap();
    let (_first, _second) = (made.consumer(Start::Oldest).unwrap(), made.consumer(Start::Oldest).unwrap());
    let mut producer = made.producer().unwrap();
    producer.publish_batch(&["one", "two"]).unwrap();
    let other = Ring::at(dir.path(), "other");
    drop(ringway::file::create(&other.path, &Config::new().slots(8)).unwrap());
    let gone = Ring::at(dir.path(), "gone");
    // A ring that is named twice is told once.
    let paths = [&ring, &other, &gone, &other].map(|ring| ring.path.as_os_str());
    let run = Run::of(RINGWAY, ["info".as_ref(), "--prometheus".as_ref()].into_iter().chain(paths));
    let ended = run.end().with(1).saying(&["gone: no such file"]);
    let text = String::from_utf8(ended.stdout).unwrap();
    let samples = parsed(&text);
    let label = format!(r#"ring="{}/a\"b\\c\nd""#, dir.path().display());
    let value = |name: &str, labels: &str| {
        let sample = samples.iter().find(|sample| sample.0 == name && sample.1 == labels);
        sample.unwrap_or_else(|| panic!("{name}{{{labels}}} in {text}")).2
    };
    let own = std::process::id();
    assert_eq!(value("ringway_head", &label), 2.0);
    assert_eq!(value("ringway_producer_alive", &label), 1.0);
    assert_eq!(value("ringway_state", &format!("{label},state=\"open\"")), 1.0);
    assert_eq!(value("ringway_state", &format!("{label},state=\"producer-lost\"")), 0.0);
    for cell in [0, 1] {
        assert_eq!(
            value(
                "ringway_consumer_lag",
                &format!("{label},cell=\"{cell}\",pid=\"{own}\",kind=\"consumer\",name=\"\"")
            ),
            2.0
        );
    }
    assert_eq!(value("ringway_head", &format!("ring=\"{}\"", other.path.display())), 0.0);
    assert_eq!(value("ringway_up", &label), 1.0);
    assert_eq!(value("ringway_up", &format!("ring=\"{}\"", gone.path.display())), 0.0);
}
