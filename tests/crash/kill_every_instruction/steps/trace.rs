//! The instructions that an operation runs through, and how to get to one of them.
//!
//! Stepping to each of `n` positions takes `n²/2` steps. Instead the processor runs to an anchor: a position
//! before the wanted one whose instruction has been run through only a few times, which a breakpoint counts.
//! The rest are single steps.

use super::fence;
use super::tracee::{Stop, Tracee};

/// The address of the instruction that each position stands before; the operation is done at the last.
#[derive(PartialEq, Eq)]
pub struct Trace {
    at: Vec<u64>,
    plans: Vec<Plan>,
}

/// How to get to a position.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Plan {
    anchor: usize,
    /// How often a breakpoint at the anchor is met on the way to it.
    meetings: u32,
}

impl Trace {
    /// Steps from the start of the operation to its end. Calls `look` at each position.
    pub fn record(tracee: &Tracee, mut look: impl FnMut(usize)) -> Self {
        let end = fence::end_address();
        let mut at = vec![tracee.pc()];
        look(0);
        while at.last() != Some(&end) {
            assert_eq!(tracee.step(), Stop::Trap, "an operation that ends");
            look(at.len());
            at.push(tracee.pc());
        }
        let plans = plans(&at);
        Self { at, plans }
    }

    /// Number of positions.
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// The address of the instruction at position `k`.
    pub fn address(&self, k: usize) -> u64 {
        self.at[k]
    }

    /// Forgets the anchors: each position is stepped to.
    pub fn step_only(&mut self) {
        self.plans.fill(Plan { anchor: 0, meetings: 0 });
    }

    /// Takes a process from the start of the operation to position `k`. False if it went another way, and
    /// reached the end of the operation before.
    pub fn stand(&self, tracee: &Tracee, k: usize) -> bool {
        let Plan { anchor, meetings } = self.plans[k];
        if meetings > 0 && !tracee.run_to(self.at[anchor], meetings) {
            return false;
        }
        for &expected in &self.at[anchor + 1..=k] {
            if tracee.step() != Stop::Trap || tracee.pc() != expected {
                return false;
            }
        }
        tracee.pc() == self.at[k]
    }
}

/// The cheapest plan for each position: a meeting costs about as much as a step.
fn plans(at: &[u64]) -> Vec<Plan> {
    let mut met = std::collections::HashMap::<u64, u32>::new();
    let mut plans = vec![Plan { anchor: 0, meetings: 0 }];
    for k in 1..at.len() {
        let last = plans[k - 1];
        let stepping = last.meetings as usize + k - last.anchor;
        // A repeated string instruction is stepped through, but a breakpoint meets it once.
        let repeated = at[k] == at[k - 1];
        let meetings = met.entry(at[k]).or_default();
        *meetings += u32::from(!repeated);
        plans.push(if !repeated && (*meetings as usize) < stepping {
            Plan { anchor: k, meetings: *meetings }
        } else {
            last
        });
    }
    plans
}
