//! Text for a terminal of 80 columns.

/// A named line, broken at spaces where it gets too long. What follows is indented as far as the text began.
pub(super) fn wrapped(name: &str, indent: usize, text: &str) -> String {
    let mut lines = String::new();
    let mut line = format!("{name:<indent$}");
    let mut width = indent.max(name.chars().count());
    let mut fresh = true;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if !fresh && width + 1 + length > 80 {
            lines += line.trim_end();
            lines += "\n";
            (line, width, fresh) = (" ".repeat(indent), indent, true);
        }
        if !fresh {
            line += " ";
            width += 1;
        }
        line += word;
        width += length;
        fresh = false;
    }
    lines + line.trim_end() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_within_the_terminal_and_words_never() {
        let long = "w".repeat(90);
        let text = wrapped("name", 10, &format!("{}{long} end", "some words ".repeat(20)));
        assert!(text.starts_with("name      some words"), "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 80 || line.trim() == long, "{line:?}");
        }
        assert!(text.contains(&long));
        assert_eq!(wrapped("name", 6, ""), "name\n");
    }
}
