//! All about one ring.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Sparkline, Widget};
use ringway::ShownObserver;
use ringway::file::Shown;
use ringway_core::placement::RoleHint;

use super::super::amounts;
use super::super::sight::{Reader, Sight, words};
use super::super::track::{Pace, Track, fill};
use super::Rows;
use super::style::{Style, bar};
use crate::cli::inspect::kind::{Kind, loss};
use crate::cli::inspect::snapshot::Standing;
use crate::cli::inspect::table::{Cut, cut};
use crate::units::counted;

/// Rows of the curve, where there are enough.
const CURVE: u16 = 3;
/// Columns of the curve's label.
const LABEL: u16 = 22;

/// Draws one ring, the most important first.
pub(super) fn paint(area: Rect, buffer: &mut Buffer, track: &Track, style: &Style) {
    let mut rows = Rows { area, buffer };
    let name = cut(&Shown(&track.path).to_string(), usize::from(area.width).saturating_sub(1), Cut::Start);
    rows.line(Line::styled(format!(" {name}"), style.title));
    match &track.sight {
        Ok(sight) => found(&mut rows, track, sight, style),
        Err(why) => {
            // Over as many rows as it takes.
            let text: Vec<char> = why.chars().collect();
            for part in text.chunks(usize::from(area.width.max(2)) - 1) {
                rows.line(Line::styled(format!(" {}", String::from_iter(part)), style.alarm));
            }
        }
    }
}

fn found(rows: &mut Rows<'_>, track: &Track, sight: &Sight, style: &Style) {
    rows.line(standing(sight, style));
    rows.line(Line::raw(format!(" head {}, {} slots", sight.head, sight.slots)));
    let consumers = sight.readers.len() as u16 + 2;
    let curve = if rows.area.height >= CURVE + 3 + consumers.min(4) { CURVE } else { 1 };
    self::curve(rows.take(curve), rows.buffer, track, style);
    let rates = track.rates.unwrap_or_default();
    let (full, wakes) = (sight.times_full, sight.doorbell);
    rows.line(Line::raw(format!(
        " full {full} (+{}), wakes {wakes} (+{}){}",
        amounts::rate(rates.full),
        amounts::rate(rates.wakes),
        match sight.times_passed_over {
            0 => String::new(),
            n => format!(", passed over {n}"),
        }
    )));
    if rows.area.height > 3 {
        rows.line(Line::raw(""));
    }
    let count = sight.readers.len();
    let heading = format!(" {} of up to {}", counted(count as u64, "consumer"), sight.max_consumers);
    rows.line(Line::styled(heading, style.title));
    let losses = losses(sight);
    consumers_of(rows, track, sight, 1 + u16::from(losses.is_some()), style);
    losses.into_iter().for_each(|text| rows.line(Line::raw(text)));
    rows.line(Line::styled(observers(sight), style.quiet));
}

/// What best-effort readers lost, if there are any.
fn losses(sight: &Sight) -> Option<String> {
    let readers = sight.readers.iter().filter(|reader| reader.kind == Kind::BestEffort);
    let lost =
        |reader: &Reader| format!("cell {} lost {}", reader.cell, loss(reader.lost, reader.times_lagged));
    let losses: Vec<_> = readers.map(lost).collect();
    (!losses.is_empty()).then(|| format!(" best-effort: {}", losses.join("; ")))
}

fn observers(sight: &Sight) -> String {
    let hint = |&ShownObserver { pid, uid, name, .. }: &ShownObserver| RoleHint { pid, uid, name };
    let shown: Vec<_> = sight.observers.iter().map(|shown| hint(shown).to_string()).collect();
    match &shown[..] {
        [] => " observers that don't show themselves can't be seen".into(),
        shown => format!(" observers that show themselves: {}", shown.join("; ")),
    }
}

fn standing(sight: &Sight, style: &Style) -> Line<'static> {
    let look = if sight.standing == Standing::ProducerLost { style.alarm } else { style.title };
    let hint = match sight.producer_name {
        Some(name) => format!("{name:?}, pid {}", sight.producer_pid),
        None => format!("pid {}", sight.producer_pid),
    };
    let producer = match sight.standing {
        Standing::NoProducerYet => String::new(),
        Standing::ProducerLost => format!(", it was {hint}"),
        _ if sight.producer_alive => format!(", producer {hint}"),
        _ => format!(", the last producer was {hint}"),
    };
    let rest = format!(", epoch {}{producer}", sight.epoch);
    Line::from(vec![Span::styled(format!(" {}", words(sight.standing)), look), Span::raw(rest)])
}

/// The rate, and how it was.
fn curve(area: Rect, buffer: &mut Buffer, track: &Track, style: &Style) {
    let rate = track.rates.map_or("-".into(), |rates| amounts::rate(rates.messages));
    let most = track.history.iter().copied().max().unwrap_or(0);
    let mut labels = Rows { area: Rect { width: LABEL.min(area.width), ..area }, buffer };
    labels.line(Line::raw(format!(" rate {rate}")));
    labels.line(Line::styled(format!(" most {}", amounts::rate(most as f64)), style.quiet));
    let at = LABEL.min(area.width);
    let area = Rect { x: area.x + at, width: area.width - at, ..area };
    if area.is_empty() {
        return;
    }
    let shown = track.history.len().saturating_sub(area.width.into());
    let bars: Vec<u64> = track.history.iter().skip(shown).copied().collect();
    Sparkline::default().data(&bars).max(most.max(1)).style(style.curve).render(area, buffer);
}

/// One row a consumer, all but the last `kept` rows. Where they don't all fit, those furthest behind are shown.
fn consumers_of(rows: &mut Rows<'_>, track: &Track, sight: &Sight, kept: u16, style: &Style) {
    let room = usize::from(rows.area.height.saturating_sub(kept));
    let mut paces: Vec<&Pace> = track.paces.iter().collect();
    let mut left_out = 0;
    if paces.len() > room {
        paces.sort_by_key(|pace| std::cmp::Reverse(pace.reader.lag));
        left_out = paces.len() - room.saturating_sub(1);
        paces.truncate(room.saturating_sub(1));
    }
    for pace in paces {
        rows.line(consumer(pace, sight, rows.area.width, style));
    }
    if left_out > 0 {
        let text = format!(" and {}, less far behind", counted(left_out as u64, "more consumer"));
        rows.line(Line::styled(text, style.quiet));
    }
}

fn consumer(pace: &Pace, sight: &Sight, width: u16, style: &Style) -> Line<'static> {
    let reader = &pace.reader;
    let (part, passed_over) = (fill(reader, sight.slots), reader.is_passed_over(sight.slots));
    let mark = match pace.stopped {
        _ if passed_over => " passed over",
        _ if reader.lag > sight.slots && !sight.can_skip => " beyond the ring",
        Some(_) => " stopped?",
        None => "",
    };
    let percent = if passed_over { String::new() } else { amounts::percent(part) };
    let who = if width >= 68 {
        format!(" cell {:<4} pid {:<9} {:>7} behind ", reader.cell, reader.pid, amounts::count(reader.lag))
    } else {
        format!(" {:<8}{:>7} ", reader.pid, amounts::count(reader.lag))
    };
    // The bar takes what is left, and a mark keeps its place.
    let name = reader.name.filter(|_| width >= 100).map_or(String::new(), |name| name.to_string());
    let who = if name.is_empty() { who } else { format!("{who}{:<16} ", cut(&name, 16, Cut::End)) };
    let columns = usize::from(width).saturating_sub(who.chars().count() + 6 + 16);
    let mut spans = vec![Span::raw(who)];
    if columns >= 4 {
        spans.push(Span::styled(bar(part, columns), style.filled(part)));
    }
    spans.push(Span::raw(format!("{percent:>6}")));
    spans.push(Span::styled(mark, style.alarm));
    spans.into()
}
