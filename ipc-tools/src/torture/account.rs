//! A reader's account of the messages it gets: each is compared with the one expected, with those before it,
//! and with what the other readers got.

use super::ledger::{Desk, Entry, Ledger};
use super::letter::Letter;

/// Kept by one reader, in its desk.
pub(super) struct Account<'a> {
    ledger: &'a Ledger,
    desk: Desk,
    /// Where missing messages are counted.
    gaps: Entry,
    next: u64,
    last: Option<Letter>,
}

impl<'a> Account<'a> {
    /// An account that starts at message `start`. Missing messages count as `gaps`.
    pub(super) fn begin(ledger: &'a Ledger, desk: Desk, start: u64, gaps: Entry) -> Self {
        desk.set(Entry::Start, start);
        desk.set(Entry::Next, start);
        desk.set(Entry::Ready, 1);
        Self { ledger, desk, gaps, next: start, last: None }
    }

    /// The number of the message that must come next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Takes note of a message, which the ring gave out as number `seq`.
    pub(super) fn message(&mut self, seq: u64, bytes: &[u8]) {
        self.desk.add(Entry::Received, 1);
        match Letter::read(bytes) {
            Some((letter, sum)) => {
                self.compare(&letter, seq, sum);
                self.advance(letter.seq.max(seq) + 1);
            }
            None => {
                self.desk.add(Entry::Torn, 1);
                self.advance(seq + 1);
            }
        }
    }

    /// Takes note of messages that the ring said are lost.
    pub(super) fn lagged(&mut self, n: u64) {
        self.desk.add(Entry::Lost, n);
        self.advance(self.next + n);
    }

    /// Takes note of bytes that changed while they were borrowed, or of a message that could not be read.
    pub(super) fn torn(&self) {
        self.desk.add(Entry::Torn, 1);
    }

    fn compare(&mut self, letter: &Letter, seq: u64, sum: u64) {
        let desk = self.desk;
        if letter.seq > self.next {
            desk.add(self.gaps, letter.seq - self.next);
        } else if letter.seq < self.next {
            let again = self.last.is_some_and(|last| last.seq == letter.seq);
            desk.add(if again { Entry::Duplicated } else { Entry::Reordered }, 1);
        }
        if let Some(last) = &self.last {
            if letter.epoch < last.epoch {
                desk.add(Entry::Reordered, 1);
            } else if letter.epoch == last.epoch && letter.first != last.first {
                // Two producers in one epoch.
                desk.add(Entry::Duplicated, 1);
            } else if letter.epoch > last.epoch && letter.first <= last.seq {
                // Numbers that the new producer gave to messages of its own, though this reader has read others
                // under them.
                desk.add(Entry::Duplicated, last.seq + 1 - letter.first);
            }
        }
        if letter.seq != seq || !self.ledger.agree(letter.seq, sum) {
            desk.add(Entry::Torn, 1);
        }
        self.last = Some(*letter);
    }

    fn advance(&mut self, next: u64) {
        self.next = self.next.max(next);
        self.desk.set(Entry::Next, self.next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(seq: u64, epoch: u64, first: u64) -> (u64, Vec<u8>) {
        let mut bytes = vec![0; 100];
        Letter { seq, epoch, first, author: epoch }.write(&mut bytes);
        (seq, bytes)
    }

    /// What is counted when a reader that starts at 5 gets these messages: torn, duplicated, reordered, missed.
    fn counted(letters: &[(u64, Vec<u8>)]) -> [u64; 4] {
        let ledger = Ledger::new(1, 64).unwrap();
        let desk = ledger.desk(0);
        let mut account = Account::begin(&ledger, desk, 5, Entry::Missed);
        for (seq, bytes) in letters {
            account.message(*seq, bytes);
        }
        [Entry::Torn, Entry::Duplicated, Entry::Reordered, Entry::Missed].map(|entry| desk.get(entry))
    }

    #[test]
    fn messages_in_order_are_right_across_epochs() {
        let all = [letter(5, 1, 0), letter(6, 1, 0), letter(7, 3, 7), letter(8, 3, 7)];
        assert_eq!(counted(&all), [0; 4]);
    }

    #[test]
    fn each_mistake_is_counted_as_what_it_is() {
        let mut torn = letter(6, 1, 0);
        torn.1[99] ^= 1;
        assert_eq!(counted(&[letter(5, 1, 0), torn, letter(7, 1, 0)]), [1, 0, 0, 0]);
        assert_eq!(counted(&[letter(5, 1, 0), letter(5, 1, 0)]), [0, 1, 0, 0]);
        assert_eq!(counted(&[letter(5, 1, 0), letter(9, 1, 0)]), [0, 0, 0, 3]);
        assert_eq!(counted(&[letter(5, 1, 0), letter(6, 1, 0), letter(5, 1, 0)]), [0, 0, 1, 0]);
        assert_eq!(counted(&[letter(5, 2, 0), letter(6, 1, 0)]), [0, 0, 1, 0]);
    }

    #[test]
    fn a_number_given_out_twice_is_noticed_by_who_got_the_first() {
        let all = [letter(5, 1, 0), letter(6, 1, 0), letter(7, 2, 6)];
        assert_eq!(counted(&all), [0, 1, 0, 0]);
    }

    #[test]
    fn readers_that_got_different_messages_of_one_number_disagree() {
        let ledger = Ledger::new(2, 64).unwrap();
        for (number, epoch) in [(0, 1), (1, 2)] {
            let (seq, bytes) = letter(5, epoch, 0);
            Account::begin(&ledger, ledger.desk(number), 5, Entry::Missed).message(seq, &bytes);
        }
        assert_eq!([0, 1].map(|number| ledger.desk(number).get(Entry::Torn)), [0, 1]);
    }
}
