//! Inflates deflated text (RFC 1951), with memory that the next body uses again.

use std::cell::RefCell;

use miniz_oxide::{
    DataFormat, MZError, MZFlush, MZStatus,
    inflate::stream::{InflateState, MinReset, inflate},
};

use super::step::{PIECE, Step, Undecodable};

/// How many unused states one thread keeps: 59 KiB each.
const MAX_KEPT: usize = 16;

thread_local! {
    static KEPT: RefCell<Vec<Box<Memory>>> = const { RefCell::new(Vec::new()) };
}

/// Allocating and clearing it costs more than to inflate a short text.
struct Memory {
    state: InflateState,
    output: [u8; PIECE],
}

/// Inflates one text after the other; gives its memory back when dropped.
pub(super) struct Inflater(Option<Box<Memory>>);

impl Inflater {
    /// Begins a text. Its memory is that of an earlier body, where there is some.
    pub(super) fn new() -> Self {
        let kept = KEPT.try_with(|kept| kept.borrow_mut().pop()).ok().flatten();
        let mut inflater = Self(Some(kept.unwrap_or_else(Memory::new)));
        inflater.restart();
        inflater
    }

    /// Begins another text. What the window still holds of the last one is out of reach for a well-formed text.
    pub(super) fn restart(&mut self) {
        if let Some(memory) = &mut self.0 {
            memory.state.reset_as(MinReset);
        }
    }

    /// Takes some of `input`; the step has `moved` when the text has ended.
    pub(super) fn step(&mut self, input: &[u8]) -> Result<Step, Undecodable> {
        let Memory { state, output } = self.0.as_deref_mut().ok_or(Undecodable)?;
        let inflated = inflate(state, input, output, MZFlush::None);
        let ended = match inflated.status {
            Ok(status) => status == MZStatus::StreamEnd,
            Err(MZError::Buf) => false,
            Err(_) => return Err(Undecodable),
        };
        Ok(Step { taken: inflated.bytes_consumed, written: inflated.bytes_written, moved: ended })
    }

    /// The output buffer, which begins with the bytes of the last step.
    pub(super) fn output(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |memory| &memory.output)
    }
}

impl Memory {
    fn new() -> Box<Self> {
        Box::new(Self { state: InflateState::new(DataFormat::Raw), output: [0; PIECE] })
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        let Some(memory) = self.0.take() else { return };
        // Without the list, as at the end of a thread, the memory is freed.
        let _ = KEPT.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            if kept.len() < MAX_KEPT {
                kept.push(memory);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::compress_to_vec;

    use super::*;

    fn inflated(inflater: &mut Inflater, text: &[u8]) -> Vec<u8> {
        let coded = compress_to_vec(text, 6);
        let step = inflater.step(&coded).unwrap();
        assert!(step.moved && step.taken == coded.len());
        inflater.output()[..step.written].to_vec()
    }

    #[test]
    fn memory_is_used_again_after_a_text_and_after_a_broken_one() {
        let mut first = Inflater::new();
        assert_eq!(inflated(&mut first, b"one one one one"), b"one one one one");
        first.restart();
        assert_eq!(inflated(&mut first, b"two two two two"), b"two two two two");
        first.restart();
        assert!(first.step(&[0xff; 9]).is_err());
        let address = first.output().as_ptr();
        drop(first);
        let mut second = Inflater::new();
        assert_eq!(second.output().as_ptr(), address);
        assert_eq!(inflated(&mut second, b"three three"), b"three three");
    }

    #[test]
    fn keeps_a_bounded_number() {
        let many: Vec<_> = (0..3 * MAX_KEPT).map(|_| Inflater::new()).collect();
        drop(many);
        assert_eq!(KEPT.with_borrow(Vec::len), MAX_KEPT);
    }
}
