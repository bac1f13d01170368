//! The texts of errors in the sources, each reduced to what is the same in every message.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

/// Stands for what differs from message to message.
pub const DIFFERS: char = '…';

/// A text, and the file that it stands in.
pub struct Text {
    pub text: String,
    pub file: PathBuf,
}

/// Every error's text in the `.rs` files of the folder: those of `#[error("…")]`, `anyhow!`, `bail!`, `ensure!`,
/// `context`, `with_context` and of the tools' own `failing` and `Said::All`.
pub fn below(folder: &Path) -> Vec<Text> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let mut texts = Vec::new();
    for path in entries {
        if path.is_dir() {
            texts.extend(below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let tokens = source.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let mut found = Vec::new();
            collect(tokens, &mut found);
            texts.extend(found.into_iter().map(|text| Text { text, file: path.clone() }));
        }
    }
    texts
}

fn collect(tokens: TokenStream, texts: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut i = 0;
    while i < tokens.len() {
        if is_test_module(&tokens[i..]) {
            i += 5;
            continue;
        }
        if let TokenTree::Group(group) = &tokens[i] {
            let before =
                |back: usize| i.checked_sub(back).map(|at| tokens[at].to_string()).unwrap_or_default();
            if let Some(literal) = text_of(&before(2), &before(1), group.stream()) {
                texts.extend(reduced(&literal));
            }
            collect(group.stream(), texts);
        }
        i += 1;
    }
}

/// An identifier or a punctuation mark; of groups nothing.
fn word(token: &TokenTree) -> String {
    match token {
        TokenTree::Ident(_) | TokenTree::Punct(_) => token.to_string(),
        _ => String::new(),
    }
}

/// Whether `#[cfg(test)] mod NAME { … }` starts here.
fn is_test_module(tokens: &[TokenTree]) -> bool {
    let [TokenTree::Punct(hash), TokenTree::Group(cfg), TokenTree::Ident(module), ..] = tokens else {
        return false;
    };
    hash.as_char() == '#' && *module == "mod" && cfg.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// The literal of an error's text in a group of brackets, from the two tokens before it.
fn text_of(before: &str, last: &str, group: TokenStream) -> Option<String> {
    match (before, last) {
        (_, "error") | ("anyhow" | "bail", "!") | (_, "failing") => literal(group.into_iter().next()?),
        ("ensure", "!") => {
            let mut after = group.into_iter().skip_while(|token| word(token) != ",");
            after.next();
            literal(after.next()?)
        }
        (".", "context" | "with_context") | (_, "All") => first_literal(group),
        _ => None,
    }
}

fn first_literal(tokens: TokenStream) -> Option<String> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) => first_literal(group.stream()),
        token => literal(token),
    })
}

/// What a string literal says.
fn literal(token: TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else { return None };
    let source = literal.to_string();
    let inner = source.strip_prefix('"')?.strip_suffix('"')?;
    let mut said = String::new();
    let mut chars = inner.chars().peekable();
    while let Some(char) = chars.next() {
        match (char, chars.peek()) {
            ('\\', Some('\n')) => while chars.next_if(|char| char.is_whitespace()).is_some() {},
            ('\\', Some('n')) => {
                chars.next();
                said.push('\n');
            }
            ('\\', Some(_)) => said.extend(chars.next()),
            _ => said.push(char),
        }
    }
    Some(said)
}

/// The text with `…` for each placeholder; nothing where too little is left to be looked up.
fn reduced(literal: &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = literal.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '{' | '}' if chars.next_if_eq(&char).is_some() => text.push(char),
            '{' => {
                chars.by_ref().find(|&char| char == '}');
                if !text.ends_with(DIFFERS) {
                    text.push(DIFFERS);
                }
            }
            _ => text.push(char),
        }
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_text = text.split(|char: char| !char.is_alphabetic()).filter(|word| word.len() > 1).count() >= 2;
    is_text.then_some(text)
}
