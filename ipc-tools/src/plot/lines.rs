//! A line for each series, with its name at its right end.

use plotters::prelude::*;
use plotters::style::RGBColor;

use super::labels::spread;
use super::{
    Axis, FLOOR, Font, GRID, HEAD, Head, INK, Kind, MARGIN, NAME, OURS, PEERS, SIZE, SMALL, drawn, failed,
    put, width,
};

/// Height of a name and what is free below it, in pixels.
const GAP: f64 = NAME + 4.0;
/// From a line's end to its name, in pixels.
const LEADER: i32 = 18;

/// A line.
#[derive(Clone, Debug)]
pub struct Series {
    /// As it is written beside the line.
    pub name: String,
    /// What it shows.
    pub kind: Kind,
    /// From left to right. What doesn't lie on an axis is left out.
    pub points: Vec<(f64, f64)>,
}

/// A plot of lines.
#[derive(Clone, Debug)]
pub struct Lines {
    /// What is above it.
    pub head: Head,
    /// From left to right.
    pub across: Axis,
    /// From bottom to top.
    pub up: Axis,
    /// The lines; ours is drawn over the others.
    pub series: Vec<Series>,
}

impl Lines {
    /// Draws it.
    ///
    /// # Errors
    ///
    /// The drawing library fails.
    pub fn svg(&self) -> anyhow::Result<String> {
        drawn(&self.head, |area| self.draw(area))
    }

    fn draw(&self, area: &super::Area<'_>) -> anyhow::Result<()> {
        let longest = self.series.iter().map(|series| width(&series.name, NAME)).fold(0.0, f64::max);
        let right = longest as i32 + LEADER + 8 + MARGIN;
        let mut builder = ChartBuilder::on(area);
        builder.margin_top(HEAD).margin_left(MARGIN).margin_bottom(MARGIN).margin_right(right);
        builder.x_label_area_size(44).y_label_area_size(108);
        let mut chart = builder.build_cartesian_2d(self.across.clone(), self.up.clone()).map_err(failed)?;
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(INK)
            .x_desc(self.across.title())
            .y_desc(self.up.title())
            .label_style(Font::new(SMALL, INK).style())
            .axis_desc_style(Font::new(NAME, INK).style())
            .draw()
            .map_err(failed)?;
        let mut styled = self.styled();
        styled.sort_by_key(|(series, _)| series.kind == Kind::Ours);
        let mut ends = Vec::new();
        for (series, colour) in &styled {
            let points: Vec<_> = series
                .points
                .iter()
                .filter_map(|&(x, y)| Some((self.across.at(x)?, self.up.at(y)?)))
                .collect();
            let Some(&last) = points.last() else { continue };
            let style = colour.stroke_width(if series.kind == Kind::Ours { 4 } else { 2 });
            if series.kind == Kind::Floor {
                chart.draw_series(DashedLineSeries::new(points, 7, 5, style)).map_err(failed)?;
            } else {
                if points.len() < 6 {
                    let dot =
                        |&at| Circle::new(at, if series.kind == Kind::Ours { 5 } else { 3 }, colour.filled());
                    chart.draw_series(points.iter().map(dot)).map_err(failed)?;
                }
                chart.draw_series(LineSeries::new(points, style)).map_err(failed)?;
            }
            ends.push((*series, *colour, chart.backend_coord(&last)));
        }
        let wanted: Vec<_> = ends.iter().map(|(.., at)| f64::from(at.1)).collect();
        let (top, bottom) = (f64::from(HEAD) + GAP / 2.0, f64::from(SIZE.1) - 60.0 - GAP / 2.0);
        let heights = spread(&wanted, GAP, top, bottom);
        let column = SIZE.0 as i32 - right + LEADER;
        for ((series, colour, from), height) in ends.into_iter().zip(heights) {
            let at = (column, height.round() as i32);
            let leader = [(from.0 + 3, from.1), (column - 4, at.1)];
            area.draw(&PathElement::new(leader, colour.mix(0.6))).map_err(failed)?;
            let font = Font::new(NAME, colour);
            put(
                area,
                &series.name,
                (at.0, at.1),
                if series.kind == Kind::Ours { font.bold() } else { font },
            )?;
        }
        Ok(())
    }

    /// The lines, each with its colour.
    fn styled(&self) -> Vec<(&Series, RGBColor)> {
        let mut peers = PEERS.iter().cycle();
        let colour = |series| match series {
            Kind::Ours => OURS,
            Kind::Floor => FLOOR,
            Kind::Peer => *peers.next().expect("they go round"),
        };
        let colours: Vec<_> = self.series.iter().map(|series| series.kind).map(colour).collect();
        self.series.iter().zip(colours).collect()
    }
}
