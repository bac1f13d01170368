//! What every plot promises, as it is found in its text.

use super::*;

/// Where a text of a drawing lies: left, top, right, bottom.
fn boxes(svg: &str) -> Vec<(String, [f64; 4])> {
    let drawing = roxmltree::Document::parse(svg).expect("XML");
    let texts = drawing.descendants().filter(|node| node.has_tag_name("text"));
    let placed = texts.map(|node| {
        let number = |name| node.attribute(name).unwrap().parse::<f64>().unwrap();
        let text = node.text().unwrap_or_default().trim().to_owned();
        let (x, y, height) = (number("x"), number("y"), number("font-size"));
        let long = width(&text, height);
        let before = match node.attribute("text-anchor") {
            Some("middle") => long / 2.0,
            Some("end") => long,
            _ => 0.0,
        };
        let (above, below) = match node.attribute("dy") {
            Some("0.76em") => (0.0, height),
            Some("-0.5ex") => (height, 0.0),
            _ => (height / 2.0, height / 2.0),
        };
        let at = if node.attribute("transform").is_some_and(|how| how.starts_with("rotate")) {
            [x, y - long / 2.0, x + height, y + long / 2.0]
        } else {
            [x - before, y - above, x - before + long, y + below]
        };
        (text, at)
    });
    placed.collect()
}

/// Nothing is cut off, no text lies on another, and each of `names` is there once.
fn is_legible(svg: &str, names: &[String]) {
    let texts = boxes(svg);
    for (index, (text, [left, top, right, bottom])) in texts.iter().enumerate() {
        let (wide, high) = (f64::from(SIZE.0), f64::from(SIZE.1));
        assert!(
            *left >= 0.0 && *top >= 0.0 && *right <= wide && *bottom <= high,
            "{text:?} is cut off: {texts:?}"
        );
        for (other, at) in &texts[index + 1..] {
            let apart = *right <= at[0] || at[2] <= *left || *bottom <= at[1] || at[3] <= *top;
            assert!(apart, "{text:?} and {other:?} lie on each other: {texts:?}");
        }
    }
    for name in names {
        assert_eq!(texts.iter().filter(|(text, _)| text == name).count(), 1, "{name:?} once: {texts:?}");
    }
}

fn head() -> Head {
    Head { title: "Round trips <of> 48 bytes".into(), note: "a machine & its kind".into() }
}

#[test]
fn a_plot_of_lines_is_legible_where_all_end_together() {
    let kinds = [Kind::Floor, Kind::Ours, Kind::Peer, Kind::Peer, Kind::Peer, Kind::Peer, Kind::Floor];
    let series = kinds.iter().enumerate().map(|(index, &kind)| Series {
        name: format!("series number {index}"),
        kind,
        points: [(48.0, 1.0), (1024.0, 7.0), (65536.0, 9.0 + index as f64 / 100.0)].to_vec(),
    });
    let series: Vec<_> = series.collect();
    let names: Vec<_> = series.iter().map(|series| series.name.clone()).collect();
    let sizes = [(48.0, "48"), (1024.0, "1,024"), (65536.0, "65,536")];
    let across = Axis::log_at("message, bytes", &sizes);
    let up = Axis::log("throughput, gigabytes a second", [0.01, 20.0]);
    let svg = Lines { head: head(), across, up, series }.svg().unwrap();
    is_legible(&svg, &names);
    is_legible(&svg, &["message, bytes".into(), "throughput, gigabytes a second".into(), head().title]);
}

#[test]
fn a_plot_of_percentiles_is_legible_up_to_seconds() {
    let points = [(0.0, 176.0), (0.5, 300.0), (0.999, 40_000.0), (0.99999, 12_000_000.0)];
    let name = "floor, rotating lines: 292 ns";
    let series = vec![Series { name: name.into(), kind: Kind::Floor, points: points.to_vec() }];
    let across = Axis::percentiles("percentile: share of round trips that take no longer", 0.99999);
    let up = Axis::log("round trip, nanoseconds", points.map(|point| point.1));
    let svg = Lines { head: head(), across, up, series }.svg().unwrap();
    is_legible(&svg, &[name.into(), "50 %".into(), "99.999 %".into(), "10,000,000".into()]);
}

#[test]
fn a_plot_of_rows_is_legible_with_many() {
    let rows: Vec<_> = (0..14)
        .map(|index| {
            let (value, name) = (300.0 * 1.5_f64.powi(index), format!("peer number {index}"));
            Row { name, kind: Kind::Peer, value, until: 2.0 * value, told: format!("{value:.0} nanoseconds") }
        })
        .collect();
    let names: Vec<_> = rows.iter().flat_map(|row| [row.name.clone(), row.told.clone()]).collect();
    let across = Axis::log("round trip, nanoseconds", rows.iter().flat_map(|row| [row.value, row.until]));
    let svg = Dots { head: head(), across, rows }.svg().unwrap();
    is_legible(&svg, &names);
}

#[test]
fn a_plot_has_a_background_of_its_own() {
    let svg = drawn(&head(), |_| Ok(())).unwrap();
    assert!(svg.contains(r##"fill="#FFFFFF""##), "{svg}");
}
