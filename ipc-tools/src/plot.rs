//! Plots as SVG: few lines on a background of their own, each with its name beside it.
//!
//! [`Lines`] draws a line for each series, [`Dots`] a row for each. Ours is bold, the machine's floors are dashed, and
//! there is no legend to look things up in. Names that would lie on each other are moved apart.

mod axis;
mod dots;
mod labels;
mod lines;

use std::path::Path;

use anyhow::{Context, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, RGBColor};

pub use axis::Axis;
pub use dots::{Dots, Row};
pub use lines::{Lines, Series};

/// Width and height, in pixels.
const SIZE: (u32, u32) = (800, 500);
/// Height of the title, of names, and of what else is written, in pixels.
const TITLE: f64 = 20.0;
const NAME: f64 = 14.0;
const SMALL: f64 = 13.0;
/// What is left free around all.
const MARGIN: i32 = 16;
/// Height of the title and the line below it.
const HEAD: i32 = 62;

/// What a series shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// This library.
    Ours,
    /// Another library, or the kernel.
    Peer,
    /// The machine itself, without a protocol.
    Floor,
}

const OURS: RGBColor = RGBColor(0xc9, 0x2a, 0x0a);
const FLOOR: RGBColor = RGBColor(0x55, 0x55, 0x55);
const INK: RGBColor = RGBColor(0x22, 0x26, 0x2b);
const GRID: RGBColor = RGBColor(0xe3, 0xe6, 0xea);
/// Peers' colours, dark enough for text on white.
const PEERS: [RGBColor; 10] = [
    RGBColor(0x1f, 0x5f, 0xa8),
    RGBColor(0x1b, 0x7f, 0x5c),
    RGBColor(0x7b, 0x3f, 0xa0),
    RGBColor(0x8a, 0x5a, 0x00),
    RGBColor(0x1c, 0x76, 0x85),
    RGBColor(0xb0, 0x24, 0x6b),
    RGBColor(0x4a, 0x4f, 0xb5),
    RGBColor(0x5f, 0x6b, 0x00),
    RGBColor(0x5b, 0x67, 0x70),
    RGBColor(0x7a, 0x4a, 0x3a),
];

/// What is above a plot.
#[derive(Clone, Debug)]
pub struct Head {
    /// What was measured.
    pub title: String,
    /// On what machine, and how.
    pub note: String,
}

/// Writes a drawing to a file.
///
/// # Errors
///
/// The file can't be written.
pub fn write(path: &Path, svg: &str) -> anyhow::Result<()> {
    std::fs::write(path, svg).with_context(|| {
        format!("can't write the plot {}: name a file in a directory that is there", path.display())
    })
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Draws on a background of its own, below `head`.
fn drawn(head: &Head, draw: impl FnOnce(&Area<'_>) -> anyhow::Result<()>) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        put(&area, &head.title, (MARGIN, MARGIN + 8), Font::new(TITLE, INK).bold())?;
        put(&area, &head.note, (MARGIN, MARGIN + 30), Font::new(SMALL, INK))?;
        draw(&area)?;
        area.present().map_err(failed)?;
    }
    Ok(svg)
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("can't draw the plot: {error}")
}

/// How something is written, from a point to the right, its middle at the point's height.
#[derive(Clone, Copy)]
struct Font {
    height: f64,
    colour: RGBColor,
    bold: bool,
    to: HPos,
}

impl Font {
    fn new(height: f64, colour: RGBColor) -> Self {
        Self { height, colour, bold: false, to: HPos::Left }
    }

    fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    fn to(self, to: HPos) -> Self {
        Self { to, ..self }
    }

    fn style(self) -> TextStyle<'static> {
        let style = if self.bold { FontStyle::Bold } else { FontStyle::Normal };
        // The library divides by this what it writes.
        let font: FontDesc<'static> = (FontFamily::SansSerif, self.height * 1.24, style).into();
        font.color(&self.colour).pos(Pos::new(self.to, VPos::Center))
    }
}

fn put(area: &Area<'_>, text: &str, at: (i32, i32), font: Font) -> anyhow::Result<()> {
    area.draw(&Text::new(text.to_owned(), at, font.style())).map_err(failed)
}

/// About how wide a text is, in pixels, in the widest of the usual fonts.
fn width(text: &str, height: f64) -> f64 {
    text.chars().count() as f64 * height * 0.62
}

#[cfg(test)]
mod tests;
