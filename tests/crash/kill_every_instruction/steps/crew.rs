//! Cases in processes of their own, one on each processor.
//!
//! A case takes seconds and shares nothing with another one. So the next ones are begun ahead of their turn, each bound
//! to a processor: tracer and tracee take turns, and on one processor a turn is a mere switch. That is faster where
//! other processes spin on each processor, too, by a third as measured.

use std::collections::VecDeque;
use std::io::{PipeReader, Read, Write, pipe};

use ringway::anon::Child;
use testkit::child::apart;
use testkit::cores;

use super::case::{Case, Choice, Tally};
use super::message::Kind;

/// The processes that run cases.
pub struct Crew {
    /// Not begun yet, in their order.
    waiting: VecDeque<Case>,
    /// Begun, in the same order.
    running: VecDeque<Running>,
    /// Those on which nothing runs.
    idle: Vec<usize>,
}

struct Running {
    case: String,
    processor: usize,
    child: Child,
    from: PipeReader,
}

impl Crew {
    /// Begins each of these cases ahead of its turn.
    pub fn new(ahead: impl IntoIterator<Item = Case>) -> Self {
        let idle = cores::usable().expect("this process's processors");
        Self { waiting: ahead.into_iter().collect(), running: VecDeque::new(), idle }
    }

    /// What came of a case: waits for its process, which is begun now if it wasn't before.
    pub fn run(&mut self, case: Case) -> Result<Tally, String> {
        while !self.idle.is_empty()
            && let Some(next) = self.waiting.pop_front()
        {
            self.begin(next);
        }
        let name = case.to_string();
        if !self.running.iter().any(|running| running.case == name) {
            self.begin(case);
        }
        let at = self.running.iter().position(|running| running.case == name).expect("begun by now");
        let running = self.running.remove(at).expect("in its place");
        self.idle.push(running.processor);
        running.end()
    }

    fn begin(&mut self, case: Case) {
        let (from, mut to) = pipe().expect("a pipe");
        let processor = self.idle.pop().expect("at most one case a processor");
        let child = apart(move || {
            cores::bind(processor).expect("a usable processor");
            let Tally { positions, apart, chosen, killed, broken } = case.run(Choice::new());
            let words = [positions, apart, chosen, killed].into_iter().chain(broken);
            to.write_all(&words.flat_map(u64::to_ne_bytes).collect::<Vec<_>>()).unwrap();
        });
        self.running.push_back(Running { case: case.to_string(), processor, child, from });
    }
}

impl Running {
    fn end(mut self) -> Result<Tally, String> {
        let status = self.child.wait().map_err(|error| error.to_string())?;
        let mut words = [0; 4 + Kind::ALL.len()];
        for word in &mut words {
            let mut bytes = [0; 8];
            self.from.read_exact(&mut bytes).map_err(|_| status.to_string())?;
            *word = u64::from_ne_bytes(bytes);
        }
        let [positions, apart, chosen, killed, broken @ ..] = words;
        Ok(Tally { positions, apart, chosen, killed, broken })
    }
}
