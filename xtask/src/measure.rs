//! Counting tests from what the runners print.

/// Tests that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub failed: u64,
}

impl Counts {
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Takes the closing line of cargo, vitest, playwright or node's own runner; other lines change nothing.
    pub fn add_line(&mut self, line: &str) {
        let plain = without_colours(line);
        let line = plain.trim();
        if let Some(rest) = line.strip_prefix("test result:") {
            for part in rest.split(['.', ';']) {
                self.add_words(part);
            }
        } else if let Some(rest) = line.strip_prefix("Tests ") {
            for part in rest.split('|') {
                self.add_words(part);
            }
        } else if let Some(words) = whole_summary(line) {
            self.add_words(words);
        } else if let Some(n) = after(line, "pass ") {
            self.passed += n;
        } else if let Some(n) = after(line, "fail ") {
            self.failed += n;
        }
    }

    /// "12 passed (14)" or "1 failed".
    fn add_words(&mut self, part: &str) {
        let mut words = part.split_whitespace();
        if let (Some(Ok(n)), Some(word)) = (words.next().map(str::parse::<u64>), words.next()) {
            match word {
                "passed" => self.passed += n,
                "failed" => self.failed += n,
                _ => {}
            }
        }
    }
}

/// The text without the terminal's colour codes: runners colour what they print when they think somebody looks.
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    text
}

/// Playwright's closing lines stand alone: "12 passed (9.3s)" and "1 failed", not followed by other words.
fn whole_summary(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    words.next()?.parse::<u64>().ok()?;
    let word = words.next()?;
    let time = words.next();
    let alone = words.next().is_none() && time.is_none_or(|t| t.starts_with('(') && t.ends_with(')'));
    (alone && matches!(word, "passed" | "failed")).then_some(line)
}

/// The number behind "# pass " or "ℹ pass ".
fn after(line: &str, word: &str) -> Option<u64> {
    let rest = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ "))?;
    rest.strip_prefix(word)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Counts;

    fn check(lines: &[&str], passed: u64, failed: u64) {
        let mut counts = Counts::default();
        lines.iter().for_each(|line| counts.add_line(line));
        assert_eq!(counts, Counts { passed, failed }, "{lines:?}");
    }

    #[test]
    fn closing_lines_of_every_runner_are_understood() {
        check(
            &["test result: ok. 31 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.35s"],
            31,
            0,
        );
        check(&["test result: FAILED. 3 passed; 2 failed; 0 ignored"], 3, 2);
        check(&[" Test Files  3 passed (3)", "      Tests  18 passed (18)"], 18, 0);
        check(&["      Tests  1 failed | 17 passed (18)"], 17, 1);
        check(&["# tests 4", "# pass 3", "# fail 1"], 3, 1);
        check(&["ℹ pass 12", "ℹ fail 0"], 12, 0);
        check(
            &[
                "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[32m24 passed\u{1b}[39m\u{1b}[22m\u{1b}[90m (24)\u{1b}[39m",
            ],
            24,
            0,
        );
        check(&["  2 failed", "  12 passed (9.3s)"], 12, 2);
        check(&["  1 passed (1.2m)"], 1, 0);
        check(&["test conversations::passed ... ok", "1 passed through here"], 0, 0);
    }
}
