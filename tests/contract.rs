//! Contracts through a real socket: what each part of one does, and what a wrong answer comes to.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "contract/api.rs"]
mod api;
#[path = "contract/bad_answer.rs"]
mod bad_answer;
#[path = "contract/bad_field.rs"]
mod bad_field;
#[path = "support/browser.rs"]
mod browser;
#[path = "contract/clock.rs"]
mod clock;
#[path = "contract/door.rs"]
mod door;
#[path = "contract/journal.rs"]
mod journal;
#[path = "contract/preset.rs"]
mod preset;
#[path = "contract/probe.rs"]
mod probe;
#[path = "contract/renewal.rs"]
mod renewal;
#[path = "contract/rolled.rs"]
mod rolled;
#[path = "contract/slow_answer.rs"]
mod slow_answer;
#[path = "contract/user.rs"]
mod user;
#[path = "contract/verify.rs"]
mod verify;
#[path = "contract/verify_key.rs"]
mod verify_key;
