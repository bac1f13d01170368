//! Mutants that no test notices, and why none can.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use serde_json::{Value, json};

use crate::root;

/// A change of the source, told by what lines around it may do without: its file and line numbers may move.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mutant {
    /// Name of the file, without its extension.
    pub file: String,
    /// The line that is changed, or the first of several.
    line: String,
    /// What is done to it, and in which function.
    change: String,
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.rs: {}: `{}`", self.file, self.change, self.line)
    }
}

impl Mutant {
    /// As cargo-mutants has it.
    pub fn of(mutant: &Value) -> Result<Self, String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let parts = || {
            let path = text(&mutant["file"])?;
            // "path:line:column: what is done"
            let change = text(&mutant["name"])?.split_once(": ")?.1.to_owned();
            Some((path, change, mutant["span"]["start"]["line"].as_u64()? as usize))
        };
        let (path, change, number) = parts().ok_or_else(|| format!("not a mutant: {mutant}"))?;
        let source = fs::read_to_string(root().join(&path)).map_err(|error| format!("{path}: {error}"))?;
        let line = source.lines().nth(number.saturating_sub(1)).unwrap_or_default().trim().to_owned();
        let name = path.rsplit('/').next().unwrap_or(&path).trim_end_matches(".rs");
        Ok(Self { file: name.to_owned(), line, change })
    }

    /// What is to be written into the list.
    pub fn entry(&self) -> String {
        let Self { file, line, change } = self;
        format!("{:#}", json!({ "file": file, "line": line, "change": change, "reason": "" }))
    }
}

/// The survivors that are accounted for, with the reasons.
pub fn listed() -> Result<BTreeMap<Mutant, String>, String> {
    let path = root().join("xtask/survivors.json");
    let told = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(|error| told(&error))?;
    let list: Value = serde_json::from_str(&text).map_err(|error| told(&error))?;
    let mut listed = BTreeMap::new();
    for entry in list.as_array().ok_or_else(|| told(&"expected a list"))? {
        let field = |name: &str| {
            let value = entry[name].as_str().filter(|value| !value.is_empty());
            value.map(str::to_owned).ok_or_else(|| told(&format!("no {name} in {entry}")))
        };
        let mutant = Mutant { file: field("file")?, line: field("line")?, change: field("change")? };
        listed.insert(mutant, field("reason")?);
    }
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol;

    #[test]
    fn every_line_that_is_listed_is_in_its_file() {
        for mutant in listed().unwrap().keys() {
            let file = protocol::file(&mutant.file).unwrap_or_else(|| panic!("no file for {mutant}"));
            let path = root().join("ipc-core/src").join(file.name).with_extension("rs");
            let source = fs::read_to_string(path).unwrap();
            assert!(source.lines().any(|line| line.trim() == mutant.line), "{mutant}");
        }
    }
}
