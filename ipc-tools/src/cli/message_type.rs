//! The type of a ring's messages, as the command line names it.

use std::path::Path;
use std::str::FromStr;

use anyhow::{anyhow, bail};
use ringway::file::Shown;
use ringway::{Geometry, TypeInfo};

/// `NAME`, `NAME:SIZE` or `NAME:SIZE:ALIGN`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TypeChoice {
    name: String,
    size: Option<u64>,
    align: Option<u64>,
}

impl FromStr for TypeChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.rsplitn(3, ':');
        let (last, middle, first) = (parts.next(), parts.next(), parts.next());
        let number = |part: Option<&str>| part.and_then(|part| part.parse::<u64>().ok());
        let choice = match (first, number(middle), number(last)) {
            (Some(name), Some(size), Some(align)) => (name, Some(size), Some(align)),
            (_, _, Some(size)) => (text.rsplit_once(':').map_or("", |(name, _)| name), Some(size), None),
            _ => (text, None, None),
        };
        match choice {
            ("", ..) => Err("expected the type's name: NAME, or NAME:SIZE[:ALIGN] for a new ring".into()),
            (_, Some(0), _) => Err("expected a size of at least 1 byte".into()),
            (_, _, Some(align)) if !align.is_power_of_two() => {
                Err("expected a power of two as alignment".into())
            }
            (name, size, align) => Ok(Self { name: name.into(), size, align }),
        }
    }
}

impl TypeChoice {
    /// The size of a value, if it was given.
    pub(super) fn size(&self) -> Option<u64> {
        self.size
    }

    /// What a new ring records.
    pub(super) fn info(&self) -> anyhow::Result<TypeInfo> {
        let size = self.size.ok_or_else(|| {
            anyhow!(
                "--type {}: there is no ring yet, and one is made only for a type whose size is known: give \
                 NAME:SIZE[:ALIGN], in bytes",
                self.name
            )
        })?;
        Ok(TypeInfo::new(&self.name, size, self.align.unwrap_or(1)))
    }

    /// Compares what was asked for, and only that, with what the ring records.
    pub(super) fn check(&self, path: &Path, geometry: &Geometry) -> anyhow::Result<()> {
        let Some(found) = geometry.type_info() else {
            bail!(
                "{} carries plain bytes, not messages of type {:?}: leave --type out to use it as it is",
                Shown(path),
                self.name
            );
        };
        let same = found.name() == self.name
            && self.size.is_none_or(|size| size == found.size())
            && self.align.is_none_or(|align| align == found.align());
        if !same {
            let asked = match (self.size, self.align) {
                (Some(size), Some(align)) => format!("{:?} (size {size}, align {align})", self.name),
                (Some(size), None) => format!("{:?} (size {size})", self.name),
                _ => format!("{:?}", self.name),
            };
            bail!("{} carries messages of type {found}, not of type {asked}: check --type", Shown(path));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_a_name_that_may_hold_colons_and_may_have_size_and_alignment() {
        for (text, name, size, align) in [
            ("Quote", "Quote", None, None),
            ("Quote:16", "Quote", Some(16), None),
            ("Quote:16:8", "Quote", Some(16), Some(8)),
            ("market::Quote", "market::Quote", None, None),
            ("market::Quote:16:8", "market::Quote", Some(16), Some(8)),
        ] {
            assert_eq!(text.parse(), Ok(TypeChoice { name: name.into(), size, align }), "{text}");
        }
        for text in ["", ":16", "Quote:0", "Quote:16:3"] {
            assert!(text.parse::<TypeChoice>().is_err(), "{text}");
        }
    }
}
