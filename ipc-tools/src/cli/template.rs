//! What `sub --format` makes of a message.

use std::io::Write;
use std::str::FromStr;
use std::time::SystemTime;

use humantime::format_rfc3339_micros;
use serde::Serialize;

use crate::units::hex;

/// The format of a line: `json`, or text with fields.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Template {
    Json,
    Text(Vec<Piece>),
}

/// A part of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    Literal(String),
    Seq,
    Tag,
    Time,
    Len,
    Hex,
    Text,
    Payload,
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "json" {
            return Ok(Self::Json);
        }
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars();
        while let Some(next) = rest.next() {
            let ahead = rest.as_str();
            match next {
                '{' | '}' if ahead.starts_with(next) => {
                    literal.push(next);
                    rest.next();
                }
                '{' => {
                    let Some((name, after)) = ahead.split_once('}') else {
                        return Err("a `{` without its `}`: write `{{` for the character itself".into());
                    };
                    let piece = field(name)?;
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(piece);
                    rest = after.chars();
                }
                '}' => return Err("a `}` without its `{`: write `}}` for the character itself".into()),
                '\\' => literal.push(match rest.next() {
                    Some('t') => '\t',
                    Some('n') => '\n',
                    Some('0') => '\0',
                    Some('\\') => '\\',
                    _ => return Err(r"expected \t, \n, \0 or \\ where there is a backslash".into()),
                }),
                other => literal.push(other),
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self::Text(pieces))
    }
}

fn field(name: &str) -> Result<Piece, String> {
    Ok(match name {
        "seq" => Piece::Seq,
        "tag" => Piece::Tag,
        "time" => Piece::Time,
        "len" => Piece::Len,
        "hex" => Piece::Hex,
        "text" => Piece::Text,
        "payload" => Piece::Payload,
        _ => {
            return Err(format!(
                "no field {{{name}}}: there are {{seq}}, {{tag}}, {{time}}, {{len}}, {{hex}}, {{text}} and {{payload}}"
            ));
        }
    })
}

/// A message as an object for programs.
#[derive(Serialize)]
struct Line<'m> {
    seq: u64,
    tag: u32,
    time: String,
    len: usize,
    hex: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'m str>,
}

impl Template {
    /// Appends a message's line to `line`, with its newline. `read` is when it was read.
    pub(super) fn render(
        &self,
        line: &mut Vec<u8>,
        (seq, tag): (u64, u32),
        message: &[u8],
        read: SystemTime,
    ) -> std::io::Result<()> {
        match self {
            Self::Json => {
                let object = Line {
                    seq,
                    tag,
                    time: format_rfc3339_micros(read).to_string(),
                    len: message.len(),
                    hex: hex(message),
                    text: std::str::from_utf8(message).ok(),
                };
                serde_json::to_writer(&mut *line, &object)?;
            }
            Self::Text(pieces) => {
                for piece in pieces {
                    match piece {
                        Piece::Literal(text) => line.write_all(text.as_bytes())?,
                        Piece::Seq => write!(line, "{seq}")?,
                        Piece::Tag => write!(line, "{tag}")?,
                        Piece::Time => write!(line, "{}", format_rfc3339_micros(read))?,
                        Piece::Len => write!(line, "{}", message.len())?,
                        Piece::Hex => line.write_all(hex(message).as_bytes())?,
                        Piece::Text => write_text(line, message)?,
                        Piece::Payload => line.write_all(message)?,
                    }
                }
            }
        }
        line.push(b'\n');
        Ok(())
    }
}

/// Writes the message as text of one line: no control character of it reaches a terminal.
fn write_text(line: &mut Vec<u8>, message: &[u8]) -> std::io::Result<()> {
    for char in String::from_utf8_lossy(message).chars() {
        if char.is_control() || turns(char) || char == '\\' {
            write!(line, "{}", char.escape_default())?;
        } else {
            write!(line, "{char}")?;
        }
    }
    Ok(())
}

/// Whether the character turns the rest of a line around, or ends the line where `is_control` doesn't say so.
fn turns(char: char) -> bool {
    matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str, message: &[u8]) -> String {
        let mut line = Vec::new();
        let template: Template = template.parse().expect(template);
        template.render(&mut line, (7, 3), message, SystemTime::UNIX_EPOCH).unwrap();
        String::from_utf8_lossy(&line).into_owned()
    }

    #[test]
    fn a_template_shows_each_field() {
        let all = rendered(r"{seq} {tag}\t{time} {len} {hex} {text} {payload} {{}}", b"a\x1b");
        assert_eq!(all, "7 3\t1970-01-01T00:00:00.000000Z 2 611b a\\u{1b} a\x1b {}\n");
        assert_eq!(rendered("{text}", "a\u{202e}\u{9b}\u{301}é".as_bytes()), "a\\u{202e}\\u{9b}\u{301}é\n");
        let json: serde_json::Value = serde_json::from_str(&rendered("json", b"a\"b")).unwrap();
        assert_eq!((&json["seq"], &json["tag"], &json["len"]), (&7.into(), &3.into(), &3.into()));
        assert_eq!((&json["hex"], &json["text"]), (&"612262".into(), &"a\"b".into()));
        // What is no text has no text.
        assert!(!rendered("json", b"\xff").contains("text"));
    }

    #[test]
    fn a_template_that_is_none_is_refused() {
        for text in ["{seq", "seq}", "{sequence}", "{}", r"\x", "\\"] {
            assert!(text.parse::<Template>().is_err(), "{text}");
        }
    }
}
