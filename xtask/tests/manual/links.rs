//! Relative links of Markdown files lead to files and headings that are there, and from packaged files to packaged
//! ones. The programs of packaged pages are compiled.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::root;

/// The packages' folders.
const PACKAGES: [&str; 6] = ["", "ipc-core", "ipc-file", "ipc-anon", "ipc-tools", "ringway-c"];

/// The files below a folder whose names end so, as paths from the root. Build output is left out.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let (name, path) = (entry.file_name().into_string().unwrap(), folder.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            if !name.starts_with("target") && !name.starts_with('.') {
                found.extend(files(&path, extension));
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}

/// The text of a page without its programs and its code spans.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    let lines: Vec<&str> = lines.collect();
    lines.join("\n").split('`').step_by(2).collect()
}

/// What a page links to within the repository: everything without a scheme.
fn targets(text: &str) -> Vec<String> {
    let prose = prose(text);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_string()).filter(|target| !target.contains("://")).collect()
}

/// The anchors of a page's headings.
fn anchors(text: &str) -> Vec<String> {
    let mut fenced = false;
    let headings = text.lines().filter(|line| {
        fenced ^= line.starts_with("```");
        !fenced && line.starts_with('#')
    });
    let slug = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|&char| char.is_alphanumeric() || " -_".contains(char));
        kept.map(|char| if char == ' ' { '-' } else { char }).collect()
    };
    headings.map(slug).collect()
}

/// A path from the root with its `..` taken; nothing if it leads out of the repository.
fn taken(path: &Path) -> Option<PathBuf> {
    let mut taken = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => taken.push(name),
            Component::ParentDir => taken.pop().then_some(())?,
            _ => {}
        }
    }
    Some(taken)
}

/// The folder of the package that the file is packed in, if it is.
fn package(path: &Path) -> Option<&'static str> {
    let inner = PACKAGES.iter().rev().find(|folder| path.starts_with(folder))?;
    let manifest = fs::read_to_string(root().join(inner).join("Cargo.toml")).unwrap();
    let include = manifest.lines().find(|line| line.starts_with("include = [")).unwrap();
    let path = Path::new("/").join(path.strip_prefix(inner).unwrap());
    let packed = include.split('"').skip(1).step_by(2).any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => path.to_str().unwrap().starts_with(start),
        None => path.starts_with(pattern),
    });
    packed.then_some(*inner)
}

#[test]
fn links_lead_to_what_is_there_and_is_packed() {
    let mut wrong = Vec::new();
    for page in files(Path::new(""), "md") {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        for target in targets(&text) {
            let mut wrong = |why: &str| wrong.push(format!("{}: ({target}) {why}", page.display()));
            let (file, anchor) =
                target.split_once('#').map_or((&*target, None), |(file, anchor)| (file, Some(anchor)));
            let linked =
                if file.is_empty() { Some(page.clone()) } else { taken(&page.parent().unwrap().join(file)) };
            let Some(linked) = linked.filter(|linked| root().join(linked).exists()) else {
                wrong("leads nowhere");
                continue;
            };
            if package(&page).is_some() && package(&linked) != package(&page) {
                wrong("leads out of its package");
            }
            let anchored = |anchor| {
                let text = fs::read_to_string(root().join(&linked)).unwrap();
                anchors(&text).iter().any(|found| found == anchor)
            };
            if anchor.is_some_and(|anchor| !anchored(anchor)) {
                wrong("names no heading of that page");
            }
        }
    }
    assert!(wrong.is_empty(), "links to mend:\n{}", wrong.join("\n"));
}

#[test]
fn documentation_of_code_links_to_no_file() {
    let mut wrong = Vec::new();
    for source in files(Path::new(""), "rs").iter().filter(|source| package(source).is_some()) {
        let text = fs::read_to_string(root().join(source)).unwrap();
        let docs =
            text.lines().filter(|line| line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        let files =
            targets(&docs).into_iter().filter(|target| target.contains(".md") || target.contains("/"));
        wrong.extend(files.map(|target| format!("{}: ({target})", source.display())));
    }
    assert!(
        wrong.is_empty(),
        "docs.rs has no such file; name it instead of linking it:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn programs_of_packaged_pages_are_compiled() {
    let mut compiled = Vec::new();
    for source in files(Path::new(""), "rs").iter().filter(|source| package(source).is_some()) {
        let text = fs::read_to_string(root().join(source)).unwrap();
        let included = text.split("include_str!(\"").skip(1).filter_map(|rest| rest.split_once('"'));
        compiled.extend(included.filter_map(|(page, _)| taken(&source.parent().unwrap().join(page))));
    }
    for page in files(Path::new(""), "md").into_iter().filter(|page| package(page).is_some()) {
        let has_program = fs::read_to_string(root().join(&page)).unwrap().contains("```rust");
        assert!(
            !has_program || compiled.contains(&page),
            "{}: include it where doctests find it, as src/guide.rs does",
            page.display()
        );
    }
}
