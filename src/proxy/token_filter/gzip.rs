//! The gzip format (RFC 1952): members, one after the other, each with a deflated text.

use super::{
    inflater::Inflater,
    step::{Step, Undecodable},
};

/// The longest header of a member, in bytes: a name and a comment may stand in it.
const MAX_HEADER: usize = 8 << 10;
/// A checksum and a length end each member (§2.3.1).
const TRAILER: usize = 8;
const FIXED: usize = 10;
const HEADER_CHECKSUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

/// A stream of members.
pub(super) struct Gzip {
    state: State,
    inflater: Inflater,
}

enum State {
    /// In a header, of which this much has come.
    Header(Vec<u8>),
    Text,
    /// So many bytes of the end of a member are still to come.
    Trailer(usize),
    /// The bytes after the last member, which browsers ignore.
    Rest,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self { state: State::Header(Vec::new()), inflater: Inflater::new() }
    }

    /// The output buffer, which begins with the bytes of the last step.
    pub(super) fn output(&self) -> &[u8] {
        self.inflater.output()
    }

    /// Takes some of `input`, and writes what it means to its output.
    pub(super) fn step(&mut self, input: &[u8]) -> Result<Step, Undecodable> {
        match &mut self.state {
            State::Header(header) => {
                let had = header.len();
                header.extend_from_slice(&input[..input.len().min(MAX_HEADER)]);
                let Some(length) = header_length(header)? else {
                    return if header.len() > MAX_HEADER {
                        Err(Undecodable)
                    } else {
                        Ok(Step::taken(header.len() - had))
                    };
                };
                self.state = State::Text;
                self.inflater.restart();
                Ok(Step { moved: true, ..Step::taken(length - had) })
            }
            State::Text => {
                let step = self.inflater.step(input)?;
                if step.moved {
                    self.state = State::Trailer(TRAILER);
                }
                Ok(step)
            }
            State::Trailer(0) if input.is_empty() => Ok(Step::taken(0)),
            State::Trailer(0) => {
                self.state = if input.first() == Some(&0x1f) { State::Header(Vec::new()) } else { State::Rest };
                Ok(Step { moved: true, ..Step::taken(0) })
            }
            State::Trailer(left) => {
                let taken = input.len().min(*left);
                *left -= taken;
                Ok(Step::taken(taken))
            }
            State::Rest => Ok(Step::taken(input.len())),
        }
    }
}

/// How long the header is (§2.3), once all of it is there.
fn header_length(header: &[u8]) -> Result<Option<usize>, Undecodable> {
    if !b"\x1f\x8b\x08".iter().zip(header).all(|(expected, byte)| expected == byte) {
        return Err(Undecodable);
    }
    let Some(flags) = header.get(3).filter(|_| header.len() >= FIXED) else { return Ok(None) };
    let mut length = FIXED;
    if flags & EXTRA != 0 {
        let Some(extra) = header.get(length..length + 2) else { return Ok(None) };
        length += 2 + usize::from(u16::from_le_bytes([extra[0], extra[1]]));
    }
    for _ in [NAME, COMMENT].iter().filter(|text| flags & **text != 0) {
        let Some(end) = header.get(length..).and_then(|text| memchr::memchr(0, text)) else { return Ok(None) };
        length += end + 1;
    }
    if flags & HEADER_CHECKSUM != 0 {
        length += 2;
    }
    Ok((length <= header.len()).then_some(length))
}
