//! Where a producer goes on after the one before it, however that one ended.

use crate::format::error::Damaged;
use crate::format::seq::Seq;
use crate::memory::access::AsProducer;
use crate::memory::region::Region;
use crate::ordering::fault::{Fault, seeded};
use crate::protocol::stamp::{self, Look};

/// Where a new producer goes on: after every message whose stamp is even, even if head lags behind, since a
/// reader may have accepted it already; and after every void one.
pub(crate) fn resume_point(region: &Region<AsProducer>) -> Result<Seq, Damaged> {
    let (slots, can_skip) = (region.geometry.slots, region.geometry.can_skip());
    let head = region.producer_page.own_head()?;
    let mut resume = head;
    if seeded(Fault::ResumeAtHead) {
        return Ok(head);
    }
    loop {
        let found = region.slots.at(resume).stamp().load_own();
        match stamp::verdict(resume, found) {
            Look::NotYet => return Ok(resume),
            // An earlier one of the slot, to which nothing was added.
            Look::Void(void) if void < resume && can_skip => return Ok(resume),
            // What lies at the end of all sequences no producer wrote.
            Look::Published if resume.since(head) < slots && resume < Seq::END => resume = resume.next(),
            // A reader may have passed it.
            Look::Void(_) if can_skip && resume.since(head) < slots && resume < Seq::END => {
                if seeded(Fault::ResumeAtVoid) {
                    return Ok(resume);
                }
                resume = resume.next();
            }
            _ => {
                let expected = resume.writing();
                return Err(Damaged { what: "stamp", seq: resume.get(), found, expected });
            }
        }
    }
}
