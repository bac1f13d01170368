//! Where a reader that loses messages goes on.

use clap::ValueEnum;
use ringway::Resume;

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum ResumeChoice {
    /// At the oldest message still kept, to lose as few as possible.
    #[default]
    Oldest,
    /// At the next message to be published.
    Latest,
}

impl From<ResumeChoice> for Resume {
    fn from(choice: ResumeChoice) -> Self {
        match choice {
            ResumeChoice::Oldest => Resume::OldestSafe,
            ResumeChoice::Latest => Resume::Latest,
        }
    }
}
