//! The people and notes that a first start makes, so that there is something to see.

use std::time::Duration;

use crate::{
    clock::Clock,
    database::Database,
    error::Error,
    note::{self, Note},
    password::Passwords,
    random::Random,
    secret::Secret,
    user::{self, User},
};

/// The password of everyone in [`SEED_PEOPLE`]. It is public: a demo's, and no secret.
pub const SEED_PASSWORD: &str = "vestibule-demo";

/// A person that a first start makes.
#[derive(Clone, Copy, Debug)]
pub struct SeedPerson {
    /// What to log in with.
    pub email: &'static str,
    /// What to call them.
    pub name: &'static str,
    /// Titles and bodies of their notes, the latest first.
    pub notes: &'static [(&'static str, &'static str)],
}

/// The people that a first start makes.
pub const SEED_PEOPLE: [SeedPerson; 2] = [
    SeedPerson {
        email: "ada@example.com",
        name: "Ada Lovelace",
        notes: &[
            (
                "Note G",
                "Bernoulli numbers, step by step. Check the order of operations 21 to 23 once more \
                 before it goes to the printer.",
            ),
            (
                "Letter to Charles",
                "Ask him how many columns the mill will have, and whether a card can send it back \
                 to an earlier card.",
            ),
            (
                "Can it compose?",
                "If the relations of pitch can be put into symbols, the engine could make music of \
                 any length. It originates nothing: it does what we know how to order it to do.",
            ),
        ],
    },
    SeedPerson {
        email: "grace@example.com",
        name: "Grace Hopper",
        notes: &[
            ("A real bug", "Relay 70, panel F. The moth is taped into the logbook."),
            (
                "Nanoseconds for the talk",
                "Cut wires of 29.98 cm, one for everybody in the room. Bring the coil for a \
                 microsecond too.",
            ),
            (
                "Compiler",
                "They told me that computers can only do arithmetic. The subroutines are on tape, \
                 each with a call number: let it look them up itself.",
            ),
        ],
    },
];

/// Makes the people, unless somebody is there already. Says whether it did.
///
/// # Errors
///
/// When the database or the hashing fails.
pub async fn plant(database: &Database, passwords: &Passwords, clock: &Clock, random: &Random) -> Result<bool, Error> {
    let mut change = database.begin().await?;
    let people: i64 = sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&mut *change).await?;
    if people > 0 {
        return Ok(false);
    }
    let now = clock.now();
    for person in SEED_PEOPLE {
        let hash = passwords.hash_now(&Secret::new(SEED_PASSWORD.to_owned()))?;
        let user = User { id: random.id(now), email: person.email.to_owned(), name: person.name.to_owned() };
        user::insert(&mut *change, &user, &hash, now).await?;
        for (index, (title, body)) in (0..).zip(person.notes) {
            // A while apart, so that their order shows.
            let written = now.before(Duration::from_hours(5 + 19 * index));
            let note = Note::new(random.id(written), (*title).to_owned(), (*body).to_owned(), written);
            note::insert(&mut *change, &user.id, &note).await?;
        }
    }
    change.commit().await?;
    Ok(true)
}
