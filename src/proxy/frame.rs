//! WebSocket frames (RFC 6455 §5.2), as far as needed to know where one ends.

/// The longest frame header: two bytes, a length of eight, a mask of four.
const MAX_HEADER: usize = 14;
const CLOSE: u8 = 0x8;
const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
/// Control frames have it in their opcode (§5.5).
const CONTROL: u8 = 0x8;

/// One step along the frames of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// In bytes.
    pub(super) length: usize,
    /// Whether it is content, rather than a frame's header.
    pub(super) is_content: bool,
    /// Whether it is of a message, rather than of a control frame.
    pub(super) is_message: bool,
    /// Whether a message ends with it.
    pub(super) ends_message: bool,
}

/// Follows the frames of one direction without holding any of their content.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: [u8; MAX_HEADER],
    /// How much of the header has come.
    have: usize,
    /// How much of the content has not.
    payload: u64,
    closed: bool,
}

impl Frames {
    /// Whether the last frame has ended and no other has begun. A control frame may stand here, in
    /// the middle of a fragmented message too (RFC 6455 §5.4).
    pub(super) fn at_boundary(&self) -> bool {
        self.have == 0 && self.payload == 0
    }

    /// Whether a Close frame has gone by, after which no other may follow (RFC 6455 §5.5.1).
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Follows all of `bytes`.
    pub(super) fn advance(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.step(bytes)..];
        }
    }

    /// Follows `bytes` up to the first end of a frame, and says how far that is; all of them when
    /// there is none.
    pub(super) fn advance_to_boundary(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut taken = 0;
        while taken < bytes.len() {
            taken += self.step(&bytes[taken..]);
            if self.at_boundary() {
                return Some(taken);
            }
        }
        None
    }

    /// Follows some of `bytes`, and says what they are.
    pub(super) fn part(&mut self, bytes: &[u8]) -> Part {
        let is_content = self.payload > 0;
        let length = self.step(bytes);
        let ended = self.at_boundary();
        let is_message = self.header[0] & CONTROL == 0 && (is_content || ended);
        Part { length, is_content, is_message, ends_message: is_message && ended && self.header[0] & FIN != 0 }
    }

    /// Follows some of `bytes`, at least one and at most to the end of the frame.
    fn step(&mut self, bytes: &[u8]) -> usize {
        if self.payload > 0 {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX).min(self.payload);
            self.payload -= length;
            return usize::try_from(length).unwrap_or(bytes.len());
        }
        self.header[self.have] = bytes[0];
        self.have += 1;
        if self.have == self.header_length() {
            self.closed |= self.header[0] & 0x0f == CLOSE;
            self.payload = self.payload_length();
            self.have = 0;
        }
        1
    }

    /// The length of the header as far as it is known.
    fn header_length(&self) -> usize {
        if self.have < 2 {
            return 2;
        }
        let extended = match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + extended + if self.header[1] & MASKED == 0 { 0 } else { 4 }
    }

    fn payload_length(&self) -> u64 {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        match self.header[1] & 0x7f {
            126 => number(&self.header[2..4]),
            127 => number(&self.header[2..10]),
            short => u64::from(short),
        }
    }
}

/// A Close frame (RFC 6455 §5.5.1). Frames from a client are masked (§5.3): `mask` is the key.
/// `reason` is cut to what a control frame holds.
pub(super) fn close(code: u16, reason: &str, mask: Option<[u8; 4]>) -> Vec<u8> {
    let reason = &reason.as_bytes()[..reason.len().min(123)];
    let length = u8::try_from(2 + reason.len()).unwrap_or(125);
    let mut frame = vec![FIN | CLOSE, length | mask.map_or(0, |_| MASKED)];
    frame.extend(mask.into_iter().flatten());
    let content = code.to_be_bytes().into_iter().chain(reason.iter().copied());
    let key = mask.unwrap_or_default();
    frame.extend(content.enumerate().map(|(index, byte)| byte ^ key[index % 4]));
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(opcode: u8, length: usize, mask: bool) -> Vec<u8> {
        let masked = if mask { MASKED } else { 0 };
        let mut frame = vec![FIN | opcode];
        match length {
            0..126 => frame.push(masked | u8::try_from(length).unwrap()),
            126..65_536 => {
                frame.push(masked + 126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(masked + 127);
                frame.extend(u64::try_from(length).unwrap().to_be_bytes());
            }
        }
        if mask {
            frame.extend([1, 2, 3, 4]);
        }
        frame.resize(frame.len() + length, b'x');
        frame
    }

    #[test]
    fn finds_every_end_however_the_bytes_are_cut() {
        let lengths = [0, 1, 125, 126, 300, 65_535, 65_536, 70_000];
        let frames: Vec<Vec<u8>> =
            [false, true].iter().flat_map(|mask| lengths.map(|length| frame(2, length, *mask))).collect();
        let ends: Vec<usize> = frames
            .iter()
            .scan(0, |end, frame| {
                *end += frame.len();
                Some(*end)
            })
            .collect();
        let bytes = frames.concat();
        for size in [1, 2, 3, 7, 1_000, 16_384, bytes.len()] {
            let (mut tracker, mut found, mut at) = (Frames::default(), Vec::new(), 0);
            for chunk in bytes.chunks(size) {
                let mut rest = chunk;
                while let Some(taken) = tracker.advance_to_boundary(rest) {
                    at += taken;
                    found.push(at);
                    rest = &rest[taken..];
                }
                at += rest.len();
            }
            assert_eq!(found, ends, "{size}");
            assert!(tracker.at_boundary());
        }
    }

    #[test]
    fn advances_like_the_sum_of_its_steps() {
        let bytes = [frame(1, 200, true), frame(9, 0, true), frame(8, 2, true)].concat();
        let mut tracker = Frames::default();
        tracker.advance(&bytes[..10]);
        assert!(!tracker.at_boundary() && !tracker.is_closed());
        tracker.advance(&bytes[10..]);
        assert!(tracker.at_boundary() && tracker.is_closed());
    }

    #[test]
    fn writes_close_frames_for_both_directions() {
        assert_eq!(close(4401, "bye", None), [0x88, 5, 0x11, 0x31, b'b', b'y', b'e']);
        let masked = close(4401, "", Some([0xff, 0, 0, 0]));
        assert_eq!(masked, [0x88, 0x82, 0xff, 0, 0, 0, 0xee, 0x31]);
        assert_eq!(close(1000, &"x".repeat(500), None).len(), 127);
    }
}
