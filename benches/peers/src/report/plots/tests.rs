use super::*;
use serde_json::json;

/// A report as it is saved, with many variants.
fn saved() -> Saved {
    let peers = ["ringway", "iceoryx2", "ringfire", "shaq", "pipe", "rtrb"];
    let experiment = |id: &str, main: &str, less: bool| {
        let variants = peers.iter().enumerate().flat_map(|(index, peer)| {
            ["as it comes", "trusted"].into_iter().enumerate().map(move |(variant, more)| {
                let median = 300.0 + index as f64 + variant as f64 / 10.0;
                let name = if *peer == "ringway" { format!("{peer}, {more}") } else { (*peer).to_owned() };
                json!({
                    "name": name, "across": if *peer == "rtrb" { "threads" } else { "processes" },
                    "figures": { main: { "median": median }, "p99 ns": { "median": 2.0 * median } },
                    "cdf": [[median, 0.0], [median, 0.5], [2.0 * median, 0.99]],
                })
            })
        });
        let mut variants: Vec<_> = variants.collect();
        variants.push(json!({ "name": "two bare lines (floor)", "across": "processes",
            "figures": { main: { "median": 290.0 } }, "cdf": [[290.0, 0.0], [295.0, 0.9]] }));
        json!({ "id": id, "less_is_better": less, "variants": variants })
    };
    let report = json!({
        "experiments": [
            experiment("round-trip-48", "p50 ns", true), experiment("stream-48-1024", "GB/s", false),
            experiment("stream-65536-16", "GB/s", false), experiment("publish-1024-1", "ns", true),
            experiment("publish-1024-64", "ns", true),
        ],
        "machine": { "kind": "2-core Intel Xeon VM", "processor": "Xeon", "cores": 2 },
    });
    serde_json::from_value(report).unwrap()
}

#[test]
fn every_plot_names_each_peer_once() {
    let plots = all(&saved()).unwrap();
    let files: Vec<_> = plots.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(files, ["round-trip.svg", "latency.svg", "throughput.svg", "publish-1024.svg"]);
    for (file, svg) in plots {
        for name in ["Ringway", "iceoryx2", "shaq", "pipe", "rtrb (threads)", "floor: two bare lines"] {
            let lines = svg.lines().filter(|line| line.trim() == name).count();
            assert_eq!(lines, 1, "{name} in {file}: {svg}");
        }
    }
}

#[test]
fn a_peer_is_shown_by_its_best_variant() {
    let saved = saved();
    let of = |id: &str, figure| {
        let bests = saved.experiment(id).unwrap().bests(figure);
        bests.into_iter().find(|best| best.name == "Ringway").unwrap().figure
    };
    assert_eq!(of("round-trip-48", "p50 ns"), 300.0, "the fastest");
    assert_eq!(of("stream-48-1024", "GB/s"), 300.1, "the most");
}

#[test]
fn what_is_no_report_is_refused() {
    let error = draw(&json!({ "rtt_ns": 1 }), Path::new("/nowhere")).unwrap_err();
    assert!(error.to_string().contains("--json"), "{error:#}");
}
