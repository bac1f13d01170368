//! Which file of a crate imports which: read from the tokens, so that paths in macros and attributes count, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One file imports something of another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Arrow {
    pub from: String,
    pub to: String,
}

/// The files of a crate, by their paths below `src` without the extension, and the arrows between them. A file that
/// only declares modules and exports again isn't among them: what it exports again counts as imported from where it is.
#[derive(Debug)]
pub struct Imports {
    pub files: BTreeSet<String>,
    pub arrows: BTreeSet<Arrow>,
}

/// A path in the source, without `crate`.
type Segments = Vec<String>;

impl Imports {
    /// Reads all files below `src`.
    pub fn read(src: &Path) -> Result<Self, String> {
        let mut sources = BTreeMap::new();
        collect(src, src, &mut sources)?;
        let parsed: BTreeMap<&str, Vec<Segments>> =
            sources.iter().map(|(name, tokens)| (name.as_str(), paths(tokens, name))).collect();
        let lists = |name: &str| name == "lib" || only_lists(&sources[name]);
        let files: BTreeSet<String> = sources.keys().filter(|name| !lists(name)).cloned().collect();
        let mut arrows = BTreeSet::new();
        for from in &files {
            for path in &parsed[from.as_str()] {
                if let Some(to) = resolve(path, &sources, &parsed, &files, 0)
                    && to != *from
                {
                    arrows.insert(Arrow { from: from.clone(), to });
                }
            }
        }
        Ok(Self { files, arrows })
    }

    /// The circles of more than one file, the largest first: sets of files each of which leads to each other one.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let reach: BTreeMap<&String, BTreeSet<&String>> =
            self.files.iter().map(|file| (file, self.reachable(file))).collect();
        let mut circles = BTreeSet::new();
        for file in &self.files {
            let circle: Vec<String> = reach[file]
                .iter()
                .filter(|other| reach[**other].contains(file))
                .map(|&other| other.clone())
                .collect();
            if circle.len() > 1 {
                circles.insert(circle);
            }
        }
        let mut circles: Vec<_> = circles.into_iter().collect();
        circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
        circles
    }

    fn reachable<'a>(&'a self, from: &'a String) -> BTreeSet<&'a String> {
        let (mut found, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(file) = next.pop() {
            for arrow in self.arrows.iter().filter(|arrow| arrow.from == *file) {
                if found.insert(&arrow.to) {
                    next.push(&arrow.to);
                }
            }
        }
        found
    }
}

fn collect(src: &Path, folder: &Path, sources: &mut BTreeMap<String, TokenStream>) -> Result<(), String> {
    let told = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    for entry in fs::read_dir(folder).map_err(|error| told(folder, &error))? {
        let path = entry.map_err(|error| told(folder, &error))?.path();
        if path.is_dir() {
            collect(src, &path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).map_err(|error| told(&path, &error))?;
            let tokens = text.parse::<TokenStream>().map_err(|error| told(&path, &error))?;
            let name = path.strip_prefix(src).unwrap_or(&path).with_extension("");
            let name = name.display().to_string();
            sources.insert(name.strip_suffix("/mod").unwrap_or(&name).to_owned(), tokens);
        }
    }
    Ok(())
}

/// Whether these tokens declare modules and export again, and define nothing.
fn only_lists(tokens: &TokenStream) -> bool {
    let defines =
        ["fn", "struct", "enum", "trait", "impl", "const", "static", "type", "macro_rules", "union"];
    !tokens
        .clone()
        .into_iter()
        .any(|token| matches!(&token, TokenTree::Ident(name) if defines.contains(&name.to_string().as_str())))
}

/// All paths that begin with `crate`, `super` or `self` in the file `name`, from the crate's root; not those of tests.
fn paths(tokens: &TokenStream, name: &str) -> Vec<Segments> {
    let mut found = Vec::new();
    let here: Segments =
        if name == "lib" { Vec::new() } else { name.split('/').map(str::to_owned).collect() };
    walk(tokens, &here, &mut found);
    found
}

fn walk(tokens: &TokenStream, here: &Segments, found: &mut Vec<Segments>) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(after) = past_tests(&tokens, at) {
            at = after;
            continue;
        }
        // In `pub mod name { … }` and the like `super` is `here`.
        let inner = match (&tokens[at], at.checked_sub(2).map(|before| tokens[before].to_string())) {
            (TokenTree::Group(group), Some(word))
                if word == "mod" && group.delimiter() == Delimiter::Brace =>
            {
                let mut inner = here.clone();
                inner.push(tokens[at - 1].to_string());
                Some(inner)
            }
            _ => None,
        };
        match &tokens[at] {
            TokenTree::Group(group) => walk(&group.stream(), inner.as_ref().unwrap_or(here), found),
            TokenTree::Ident(word)
                if ["crate", "super", "self"].contains(&word.to_string().as_str())
                    && is_path(&tokens, at + 1)
                    && !(at >= 2 && is_path(&tokens, at - 2)) =>
            {
                at = follow(&tokens, at, here, found);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// The index past `#[cfg(test)] mod name { … }`, if that begins here.
fn past_tests(tokens: &[TokenTree], at: usize) -> Option<usize> {
    let texts: Vec<String> = tokens[at..].iter().take(3).map(ToString::to_string).collect();
    let test = texts.len() == 3
        && texts[0] == "#"
        && texts[1].replace(' ', "") == "[cfg(test)]"
        && texts[2] == "mod";
    test.then_some(at + 5)
}

/// Whether `::` is here.
fn is_path(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// Notes the paths of the tree that begins at `at`. The index of the token after it.
fn follow(tokens: &[TokenTree], mut at: usize, here: &Segments, found: &mut Vec<Segments>) -> usize {
    let mut path = Vec::new();
    match tokens[at].to_string().as_str() {
        "super" => path.extend_from_slice(&here[..here.len().saturating_sub(1)]),
        "self" => path.extend_from_slice(here),
        _ => {}
    }
    at += 1;
    while is_path(tokens, at) {
        match tokens.get(at + 2) {
            Some(TokenTree::Ident(name)) if name == "super" => {
                path.pop();
            }
            Some(TokenTree::Ident(name)) => path.push(name.to_string()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                branches(&group.stream(), &path, found);
                return at + 3;
            }
            // A glob, or the type arguments of a path.
            _ => break,
        }
        at += 3;
    }
    found.push(path);
    at
}

/// Notes each path of a `{ … }` below `path`.
fn branches(tokens: &TokenStream, path: &Segments, found: &mut Vec<Segments>) {
    let mut current = path.clone();
    let mut renamed = false;
    for token in tokens.clone() {
        match &token {
            TokenTree::Ident(name) if name == "as" => renamed = true,
            TokenTree::Ident(name) if name == "self" || renamed => {}
            TokenTree::Ident(name) => current.push(name.to_string()),
            TokenTree::Group(group) => {
                branches(&group.stream(), &current, found);
            }
            TokenTree::Punct(punct) if punct.as_char() == ',' => {
                found.push(core::mem::replace(&mut current, path.clone()));
                renamed = false;
            }
            _ => {}
        }
    }
    found.push(current);
}

/// The file that a path leads to: the longest part of it that is a file's; through a file that only lists, by what that
/// one exports again under the name.
fn resolve(
    path: &[String],
    sources: &BTreeMap<String, TokenStream>,
    parsed: &BTreeMap<&str, Vec<Segments>>,
    files: &BTreeSet<String>,
    depth: u32,
) -> Option<String> {
    let known = (1..=path.len()).rev().find(|&length| sources.contains_key(&path[..length].join("/")));
    let module = known.map_or_else(|| "lib".to_owned(), |length| path[..length].join("/"));
    if files.contains(&module) {
        return Some(module);
    }
    // A re-export of a re-export, at most.
    let name = path.get(known.unwrap_or(0)).filter(|_| depth < 4)?;
    let here = relative(&sources[&module], &module);
    let exported = parsed[module.as_str()].iter().chain(&here).find(|to| to.last() == Some(name))?.clone();
    resolve(&exported, sources, parsed, files, depth + 1)
}

/// The paths that a file exports from its own modules, as in `pub use module::Name`, from the crate's root.
fn relative(tokens: &TokenStream, module: &str) -> Vec<Segments> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let here: Segments =
        if module == "lib" { Vec::new() } else { module.split('/').map(str::to_owned).collect() };
    let mut found = Vec::new();
    for at in 1..tokens.len() {
        let begins = matches!(&tokens[at - 1], TokenTree::Ident(word) if word == "use");
        if begins
            && let TokenTree::Ident(first) = &tokens[at]
            && first != "crate"
            && is_path(&tokens, at + 1)
        {
            let mut below = here.clone();
            below.push(first.to_string());
            let mut rest = Vec::new();
            follow(&tokens, at, &Vec::new(), &mut rest);
            found.extend(rest.into_iter().map(|rest| below.iter().cloned().chain(rest).collect()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Vec<String> {
        let folder = std::env::temp_dir().join(format!("ringway-house-{}-{:p}", std::process::id(), files));
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let imports = Imports::read(&folder).unwrap();
        fs::remove_dir_all(folder).unwrap();
        imports.arrows.iter().map(|Arrow { from, to }| format!("{from}>{to}")).collect()
    }

    #[test]
    fn every_kind_of_path_is_an_arrow() {
        let arrows = read(&[
            ("lib.rs", "mod low; mod high; pub use low::a::Name;"),
            ("low.rs", "pub mod a; pub mod b; pub use a::Again;"),
            ("low/a.rs", "pub struct Name; pub struct Again; pub struct Other;"),
            ("low/b.rs", "use super::a::{self, Other as Another}; struct B;"),
            ("high/mod.rs", "pub mod c; pub mod d; pub mod e;"),
            ("high/c.rs", "use crate::{low::{a::Name, b}, high::d}; struct C;"),
            ("high/d.rs", "fn f() { let _ = crate::low::Again; }"),
            ("high/e.rs", "struct E; m! { x = crate::Name }  #[cfg(test)] mod tests { use crate::high::c; }"),
        ]);
        let expected =
            ["high/c>high/d", "high/c>low/a", "high/c>low/b", "high/d>low/a", "high/e>low/a", "low/b>low/a"];
        assert_eq!(arrows, expected);
    }

    #[test]
    fn a_circle_is_found_whatever_its_length() {
        let arrow = |from: &str, to: &str| Arrow { from: from.into(), to: to.into() };
        let arrows = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "f"), ("f", "e")];
        let arrows: BTreeSet<Arrow> = arrows.into_iter().map(|(from, to)| arrow(from, to)).collect();
        let files = ["a", "b", "c", "d", "e", "f"].map(str::to_owned).into();
        assert_eq!(Imports { files, arrows }.circles(), [vec!["a", "b", "c"], vec!["e", "f"]]);
    }
}
