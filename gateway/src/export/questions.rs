//! Questions that wait for an answer, each sink's in its turn.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::waiting::lock;

/// Questions that wait: of each asker one, and none while another of it is answered. So a peer that asks again and again,
/// or that doesn't read its answer, holds up no other.
#[derive(Debug)]
pub(super) struct Questions<Q> {
    state: Mutex<State<Q>>,
    asked: Condvar,
}

#[derive(Debug)]
struct State<Q> {
    waiting: VecDeque<(String, Q)>,
    /// Askers of the questions that are answered now.
    answered: Vec<String>,
}

impl<Q> Questions<Q> {
    pub(super) fn new() -> Self {
        let state = State { waiting: VecDeque::new(), answered: Vec::new() };
        Self { state: Mutex::new(state), asked: Condvar::new() }
    }

    /// Adds a question. It takes the place of an earlier one of the same asker, which isn't answered then.
    pub(super) fn push(&self, asker: String, question: Q) {
        let mut state = lock(&self.state);
        let replaced = match state.waiting.iter_mut().find(|(of, _)| *of == asker) {
            Some((_, waiting)) => Some(std::mem::replace(waiting, question)),
            None => {
                state.waiting.push_back((asker, question));
                None
            }
        };
        drop(state);
        self.asked.notify_one();
        // A question of Zenoh's says that its answer is over when it is dropped, which may take a while.
        drop(replaced);
    }

    /// The question whose turn it is. Waits for one until `wait` has passed. Its asker gets no other answer before the turn
    /// is dropped.
    pub(super) fn pop(&self, wait: Duration) -> Option<Turn<'_, Q>> {
        let mut state = lock(&self.state);
        if state.next().is_none() {
            state = self.asked.wait_timeout(state, wait).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        let next = state.next()?;
        let (asker, question) = state.waiting.remove(next)?;
        state.answered.push(asker.clone());
        drop(state);
        Some(Turn { of: self, asker, question })
    }
}

impl<Q> State<Q> {
    fn next(&self) -> Option<usize> {
        self.waiting.iter().position(|(asker, _)| !self.answered.contains(asker))
    }
}

/// A question that is answered now.
#[derive(Debug)]
pub(super) struct Turn<'q, Q> {
    of: &'q Questions<Q>,
    asker: String,
    pub(super) question: Q,
}

impl<Q> Drop for Turn<'_, Q> {
    fn drop(&mut self) {
        let mut state: MutexGuard<'_, _> = lock(&self.of.state);
        state.answered.retain(|asker| *asker != self.asker);
        drop(state);
        self.of.asked.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn next(questions: &Questions<u32>) -> Option<u32> {
        questions.pop(NOW).map(|turn| turn.question)
    }

    #[test]
    fn one_that_asks_again_and_again_is_answered_in_its_turn() {
        let questions = Questions::new();
        for question in 0..100 {
            questions.push("greedy".into(), question);
        }
        questions.push("modest".into(), 7);
        questions.push("greedy".into(), 100);
        assert_eq!((next(&questions), next(&questions), next(&questions)), (Some(100), Some(7), None));
    }

    #[test]
    fn one_that_doesnt_read_its_answer_holds_up_one_thread() {
        let questions = Questions::new();
        questions.push("frozen".into(), 1);
        let turn = questions.pop(NOW).unwrap();
        questions.push("frozen".into(), 2);
        questions.push("other".into(), 3);
        assert_eq!((next(&questions), next(&questions)), (Some(3), None));
        drop(turn);
        assert_eq!(next(&questions), Some(2));
    }
}
