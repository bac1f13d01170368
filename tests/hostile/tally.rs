//! What calls came to, counted by kind, and what they took.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display};
use std::time::{Duration, Instant};

use testkit::status::{MEMORY, PEAK_MEMORY, own};

/// More than what any call may add to this process's memory, whatever the ring says.
const MEMORY_KIB: u64 = 64 * 1024;

/// Counts calls by what they came to.
pub struct Tally {
    calls: u64,
    results: BTreeMap<String, u64>,
    longest: Duration,
    memory_at_first: u64,
}

impl Tally {
    pub fn new() -> Self {
        let memory_at_first = own(MEMORY);
        Self { calls: 0, results: BTreeMap::new(), longest: Duration::ZERO, memory_at_first }
    }

    /// Makes a call, and counts it. `call` says what it was and what it came to, be it a failure. Returns
    /// whether it was none.
    pub fn call(&mut self, call: impl FnOnce() -> Result<String, String>) -> bool {
        let began = Instant::now();
        let result = call();
        self.longest = self.longest.max(began.elapsed());
        self.calls += 1;
        let fine = result.is_ok();
        *self.results.entry(result.unwrap_or_else(|failure| failure)).or_default() += 1;
        fine
    }

    /// How many calls came to something whose name contains `part`.
    pub fn count(&self, part: &str) -> u64 {
        self.results.iter().filter(|(result, _)| result.contains(part)).map(|(_, count)| count).sum()
    }

    /// Asserts that the process never grew beyond a bound.
    pub fn check_memory(&self) {
        let most = own(PEAK_MEMORY);
        assert!(most < self.memory_at_first + MEMORY_KIB, "{most} KiB, at first {}", self.memory_at_first);
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, results, longest, memory_at_first } = self;
        let most = own(PEAK_MEMORY);
        write!(f, "{calls} calls, the longest {longest:?}; at most {most} KiB (at first {memory_at_first})")?;
        results.iter().try_for_each(|(result, count)| write!(f, "; {result} {count}"))
    }
}

/// The name of an error's variant; of damage, what is damaged as well.
pub fn name(error: &impl Debug) -> String {
    let text = format!("{error:?}");
    let variant: String = text.chars().take_while(|c| c.is_alphanumeric()).collect();
    match text.split_once("what: \"").and_then(|(_, rest)| rest.split_once('"')) {
        Some((what, _)) => format!("{variant}({what})"),
        None => variant,
    }
}
