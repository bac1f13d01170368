//! A row for each series: a dot at its figure, a line to a later one, and the number beside it.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{
    Axis, FLOOR, Font, GRID, HEAD, Head, INK, Kind, MARGIN, NAME, OURS, PEERS, SIZE, SMALL, drawn, failed,
    put, width,
};

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// As it is written on its left.
    pub name: String,
    /// What it shows.
    pub kind: Kind,
    /// Where the dot is.
    pub value: f64,
    /// Where the line from the dot ends.
    pub until: f64,
    /// The number, as it is written on its right.
    pub told: String,
}

/// A plot of rows, from top to bottom.
#[derive(Clone, Debug)]
pub struct Dots {
    /// What is above it.
    pub head: Head,
    /// From left to right.
    pub across: Axis,
    /// The rows.
    pub rows: Vec<Row>,
}

impl Dots {
    /// Draws it.
    ///
    /// # Errors
    ///
    /// The drawing library fails.
    pub fn svg(&self) -> anyhow::Result<String> {
        drawn(&self.head, |area| self.draw(area))
    }

    fn draw(&self, area: &super::Area<'_>) -> anyhow::Result<()> {
        let widest = |text: fn(&Row) -> &str| {
            self.rows.iter().map(|row| width(text(row), NAME)).fold(0.0, f64::max) as i32
        };
        let (left, right) = (MARGIN + widest(|row| &row.name) + 12, MARGIN + widest(|row| &row.told) + 16);
        let count = self.rows.len().max(1) as f64;
        let mut builder = ChartBuilder::on(area);
        builder.margin_top(HEAD).margin_left(left).margin_bottom(MARGIN).margin_right(right);
        builder.x_label_area_size(44);
        let mut chart = builder.build_cartesian_2d(self.across.clone(), count..0.0).map_err(failed)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(INK)
            .x_desc(self.across.title())
            .label_style(Font::new(SMALL, INK).style())
            .axis_desc_style(Font::new(NAME, INK).style())
            .draw()
            .map_err(failed)?;
        for (index, row) in self.rows.iter().enumerate() {
            let colour = match row.kind {
                Kind::Ours => OURS,
                Kind::Floor => FLOOR,
                Kind::Peer => PEERS[0],
            };
            let ours = row.kind == Kind::Ours;
            let (Some(from), Some(to)) = (self.across.at(row.value), self.across.at(row.until)) else {
                continue;
            };
            let height = index as f64 + 0.5;
            let style = colour.stroke_width(if ours { 4 } else { 2 });
            let line = [(from, height), (to, height)];
            if row.kind == Kind::Floor {
                chart.draw_series(DashedLineSeries::new(line, 5, 4, style)).map_err(failed)?;
            } else {
                chart.draw_series([PathElement::new(line, style)]).map_err(failed)?;
            }
            let dot = Circle::new((from, height), if ours { 8 } else { 6 }, colour.filled());
            chart.draw_series([dot]).map_err(failed)?;
            let ((x, y), font) = (chart.backend_coord(&(to, height)), Font::new(NAME, colour));
            let font = if ours { font.bold() } else { font };
            put(area, &row.name, (left - 8, y), font.to(HPos::Right))?;
            let beside = x.max(chart.backend_coord(&(from, height)).0 + 8) + 8;
            put(area, &row.told, (beside.min(SIZE.0 as i32), y), font)?;
        }
        Ok(())
    }
}
