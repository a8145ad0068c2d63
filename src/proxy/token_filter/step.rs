//! One step of decoding a body.

/// How much is decoded at once, in bytes.
pub(super) const PIECE: usize = 16 << 10;
/// It is not what its coding says, or grows beyond all bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undecodable;

/// How far one step of decoding came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) taken: usize,
    pub(super) written: usize,
    /// Whether another one is worth while, though nothing was taken and nothing written.
    pub(super) moved: bool,
}

impl Step {
    pub(super) fn taken(taken: usize) -> Self {
        Self { taken, written: 0, moved: false }
    }
}
