//! Content codings (RFC 9110 §8.4): what is compressed is decoded to be searched, and passes as it came.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use http::{HeaderMap, header};

use super::{
    gzip::Gzip,
    step::{PIECE, Step, Undecodable},
};

/// Up to this length, in bytes, a decoded text may be as much longer than the coded one as it likes.
const FREE: u64 = 4 << 20;
/// How many times longer than the coded one it may be beyond that.
const MAX_RATIO: u64 = 256;

/// The coding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Coding {
    Identity,
    Gzip,
    Brotli,
    /// One that is not decoded here, or several.
    Other,
}

/// Decodes one body, of which it keeps no more than the format needs to go on: 48 KiB for gzip, and for brotli the
/// window that the sender chose, up to 16 MiB.
pub(super) struct Decoder {
    format: Format,
    coded: u64,
    plain: u64,
}

enum Format {
    Gzip(Gzip),
    Brotli(Box<Brotli>),
}

/// A brotli stream (RFC 7932).
struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    output: [u8; PIECE],
    ended: bool,
}

impl Coding {
    /// The coding that a head names.
    pub(in crate::proxy) fn of(headers: &HeaderMap) -> Self {
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        let (first, more) = (codings.next(), codings.next());
        let Some(first) = first else { return Self::Identity };
        let coding = first.as_bytes().trim_ascii();
        let is = |name: &str| coding.eq_ignore_ascii_case(name.as_bytes());
        match () {
            () if more.is_some() => Self::Other,
            () if is("identity") || coding.is_empty() => Self::Identity,
            () if is("gzip") || is("x-gzip") => Self::Gzip,
            () if is("br") => Self::Brotli,
            () => Self::Other,
        }
    }
}

impl Decoder {
    /// A decoder for a coding; `None` when there is none for it.
    pub(super) fn new(coding: Coding) -> Option<Self> {
        let format = match coding {
            Coding::Gzip => Format::Gzip(Gzip::new()),
            Coding::Brotli => Format::Brotli(Box::new(Brotli::new())),
            Coding::Identity | Coding::Other => return None,
        };
        Some(Self { format, coded: 0, plain: 0 })
    }

    /// Decodes all of `input`, and hands what it means on piece by piece.
    ///
    /// # Errors
    /// When it cannot be decoded, or `take` fails.
    pub(super) fn decode<E: From<Undecodable>>(
        &mut self,
        mut input: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.coded += input.len() as u64;
        loop {
            let step = match &mut self.format {
                Format::Gzip(gzip) => gzip.step(input)?,
                Format::Brotli(brotli) => brotli.step(input)?,
            };
            input = &input[step.taken..];
            self.plain += step.written as u64;
            if self.plain > FREE && self.plain / MAX_RATIO > self.coded {
                return Err(Undecodable.into());
            }
            if step.written > 0 {
                take(&self.format.output()[..step.written])?;
            } else if step.taken == 0 && !step.moved {
                return if input.is_empty() { Ok(()) } else { Err(Undecodable.into()) };
            }
        }
    }
}

impl Format {
    /// The output buffer, which begins with the bytes of the last step.
    fn output(&self) -> &[u8] {
        match self {
            Self::Gzip(gzip) => gzip.output(),
            Self::Brotli(brotli) => &brotli.output,
        }
    }
}

impl Brotli {
    fn new() -> Self {
        let alloc = StandardAlloc::default;
        Self { state: BrotliState::new_strict(alloc(), alloc(), alloc()), output: [0; PIECE], ended: false }
    }

    fn step(&mut self, input: &[u8]) -> Result<Step, Undecodable> {
        if self.ended {
            return Ok(Step::taken(input.len()));
        }
        let (mut left, mut taken, mut room, mut written, mut total) = (input.len(), 0, PIECE, 0, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut taken,
            input,
            &mut room,
            &mut written,
            &mut self.output,
            &mut total,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultFailure => return Err(Undecodable),
            BrotliResult::ResultSuccess => self.ended = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(Step { taken, written, moved: false })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TEXT: &[u8] = b"hello hello hello";

    fn gzip(text: &[u8], flags: u8, extra: &[u8]) -> Vec<u8> {
        let deflated = miniz_oxide::deflate::compress_to_vec(text, 6);
        [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3], extra, &deflated, &[0; 8]].concat()
    }

    fn decoded(coding: Coding, body: &[u8], size: usize) -> Result<Vec<u8>, Undecodable> {
        let (mut decoder, mut plain) = (Decoder::new(coding).unwrap(), Vec::new());
        for piece in body.chunks(size) {
            decoder.decode(piece, |text| {
                plain.extend_from_slice(text);
                Ok::<(), Undecodable>(())
            })?;
        }
        Ok(plain)
    }

    #[test]
    fn decodes_in_any_pieces() {
        let named = gzip(TEXT, NAME_AND_MORE, b"\x03\x00abcname\0comment\0hc");
        let members = [gzip(TEXT, 0, b""), gzip(TEXT, 0, b""), b"rest".to_vec()].concat();
        for size in 1..80 {
            assert_eq!(decoded(Coding::Gzip, &named, size).unwrap(), TEXT, "{size}");
            assert_eq!(decoded(Coding::Gzip, &members, size).unwrap(), [TEXT, TEXT].concat(), "{size}");
        }
    }

    const NAME_AND_MORE: u8 = 0b1_1110;

    /// All that can be decoded of a piece is: it may go out before the next one comes.
    #[test]
    fn decodes_a_long_text_at_once() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(|number| (number % 7919).to_le_bytes()).collect();
        let body = gzip(&text, 0, b"");
        assert!(decoded(Coding::Gzip, &body[..body.len() - 8], body.len()).unwrap() == text);
    }

    #[test]
    fn refuses_what_is_no_such_coding() {
        for body in [&b"plain text"[..], b"\x1f\x8b\x07", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff, 0xff]] {
            assert_eq!(decoded(Coding::Gzip, body, 3), Err(Undecodable), "{body:?}");
        }
        assert_eq!(decoded(Coding::Brotli, &[0xff; 64], 64), Err(Undecodable));
    }

    #[test]
    fn refuses_what_grows_beyond_all_bounds() {
        let body = gzip(&vec![0; 16 << 20], 0, b"");
        assert!(body.len() < 20_000);
        assert_eq!(decoded(Coding::Gzip, &body, 1000), Err(Undecodable));
    }

    #[test]
    fn knows_the_codings_by_their_names() {
        for (values, coding) in [
            (&[][..], Coding::Identity),
            (&["identity"], Coding::Identity),
            (&["GZip"], Coding::Gzip),
            (&["x-gzip"], Coding::Gzip),
            (&["br"], Coding::Brotli),
            (&["zstd"], Coding::Other),
            (&["gzip, br"], Coding::Other),
            (&["gzip", "br"], Coding::Other),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            assert_eq!(Coding::of(&headers), coding, "{headers:?}");
        }
    }
}
