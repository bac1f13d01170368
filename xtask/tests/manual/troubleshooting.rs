//! `docs/guide/troubleshooting.md` and the errors in the sources have the same texts.

use std::collections::BTreeSet;
use std::fs;

use crate::error_texts::{self, DIFFERS, Text};
use crate::root;

const PAGE: &str = "docs/guide/troubleshooting.md";
/// Most errors that one entry may explain.
const MOST: usize = 4;
const SOURCES: [&str; 6] =
    ["src", "ipc-core/src", "ipc-file/src", "ipc-anon/src", "ipc-tools/src", "ringway-c/src"];

/// The entries of each section of the page. One is the start of a message, in a heading or at the start of a point.
fn sections() -> Vec<Vec<String>> {
    let page = fs::read_to_string(root().join(PAGE)).unwrap();
    let mut sections = vec![Vec::new()];
    for line in page.lines() {
        if line.starts_with("## ") {
            sections.push(Vec::new());
        }
        let entry = line.strip_prefix("### `").or_else(|| line.strip_prefix("- `"));
        if let Some((entry, _)) = entry.and_then(|entry| entry.split_once('`')) {
            sections.last_mut().unwrap().push(entry.to_string());
        }
    }
    sections
}

fn texts() -> Vec<Text> {
    SOURCES.iter().flat_map(|folder| error_texts::below(&root().join(folder))).collect()
}

/// What a text is looked up by: what comes before its first word differs, or is punctuation.
fn key(text: &str) -> String {
    text.trim_start_matches(|char: char| !char.is_alphabetic()).to_lowercase()
}

/// Whether the text starts with the entry, whose last word is whole.
fn is_start(entry: &str, text: &str) -> bool {
    let rest = key(text).strip_prefix(&key(entry)).map(str::to_string);
    rest.is_some_and(|rest| !rest.starts_with(|char: char| char.is_alphanumeric() || char == DIFFERS))
}

#[test]
fn every_error_has_an_entry() {
    let sections = sections();
    let entries = sections.concat();
    let longest = sections.iter().max_by_key(|section| section.len()).unwrap();
    let missing: BTreeSet<String> = texts()
        .iter()
        .filter(|text| !entries.iter().any(|entry| is_start(entry, &text.text)))
        .map(|Text { text, file }| {
            let place = file.strip_prefix(root()).unwrap_or(file).display();
            let before =
                longest.iter().rfind(|entry| key(entry) < key(text)).map_or("## Messages", |entry| entry);
            let start = text.split([':', '`', ';']).find(|part| !key(part).is_empty()).unwrap_or(text).trim();
            format!("{place}: no entry for: {text}\n    add, after `{before}`:\n    ### `{start}`")
        })
        .collect();
    assert!(
        missing.is_empty(),
        "{PAGE} lacks entries; what the line names may be a longer start:\n\n{}\n",
        Vec::from_iter(missing).join("\n\n")
    );
}

#[test]
fn every_entry_is_an_errors() {
    let texts = texts();
    for entry in sections().concat() {
        let mut told: Vec<&str> =
            texts.iter().map(|text| &*text.text).filter(|text| is_start(&entry, text)).collect();
        told.sort_unstable();
        told.dedup();
        assert!(
            !told.is_empty(),
            "{PAGE}: no error starts with `{entry}`: remove the entry, or bring it up to date"
        );
        assert!(told.len() <= MOST, "{PAGE}: `{entry}` is too short to tell errors apart: {told:#?}");
    }
}

#[test]
fn entries_are_in_alphabetical_order() {
    for section in sections() {
        for pair in section.windows(2) {
            assert!(key(&pair[0]) <= key(&pair[1]), "{PAGE}: `{}` belongs before `{}`", pair[1], pair[0]);
        }
    }
}
