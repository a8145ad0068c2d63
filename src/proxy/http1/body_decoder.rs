//! The body of a response (RFC 9112 §6 and §7), taken from what was read.

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use super::{Error, field};

/// The longest line that begins a chunk, its extensions included, in bytes.
const MAX_LINE: usize = 4 << 10;
/// The most that trailers may take, in bytes.
const MAX_TRAILERS: usize = 16 << 10;
/// The most trailer fields that are taken.
const MAX_TRAILER_FIELDS: usize = 64;

/// The state of a body.
#[derive(Debug)]
pub(super) enum BodyDecoder {
    /// So many bytes are still to come: one at least.
    Length(u64),
    Chunked(Chunks),
    /// All that comes until the connection is closed.
    UntilClose,
    /// All of it was taken.
    Ended,
}

/// The state of a chunked body (RFC 9112 §7.1).
#[derive(Debug)]
pub(super) enum Chunks {
    /// A line with a chunk's size comes next.
    Size,
    /// So many bytes of a chunk are still to come: one at least.
    Data(u64),
    /// The line's end after a chunk comes next.
    Line,
    /// Trailer fields come next, and the empty line after them.
    Trailers,
}

impl BodyDecoder {
    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunks::Size)
    }

    pub(super) fn with_length(length: u64) -> Self {
        if length == 0 { Self::Ended } else { Self::Length(length) }
    }

    pub(super) fn is_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Length(left) => SizeHint::with_exact(*left),
            Self::Ended => SizeHint::with_exact(0),
            Self::Chunked(_) | Self::UntilClose => SizeHint::default(),
        }
    }

    /// Takes the next part out of what was read; `None` when there is nothing more in it.
    ///
    /// # Errors
    /// When chunks or trailers are not as they should be.
    pub(super) fn take(&mut self, read: &mut BytesMut) -> Result<Option<Frame<Bytes>>, Error> {
        match self {
            Self::Ended => Ok(None),
            Self::UntilClose => Ok((!read.is_empty()).then(|| Frame::data(read.split().freeze()))),
            Self::Length(left) => {
                let Some(data) = take_up_to(left, read) else { return Ok(None) };
                if *left == 0 {
                    *self = Self::Ended;
                }
                Ok(Some(Frame::data(data)))
            }
            Self::Chunked(chunks) => {
                let (frame, ended) = chunks.take(read)?;
                if ended {
                    *self = Self::Ended;
                }
                Ok(frame)
            }
        }
    }

    /// Takes note that the connection was closed.
    ///
    /// # Errors
    /// When something was still to come.
    pub(super) fn close(&mut self) -> Result<(), Error> {
        match self {
            Self::UntilClose | Self::Ended => {
                *self = Self::Ended;
                Ok(())
            }
            Self::Length(_) | Self::Chunked(_) => Err(Error::BrokenOff),
        }
    }
}

impl Chunks {
    /// The next part, if there is one, and whether the body has ended with it. What comes after the part is looked
    /// at already: the last chunk mostly comes with the data before it.
    fn take(&mut self, read: &mut BytesMut) -> Result<(Option<Frame<Bytes>>, bool), Error> {
        let mut data = None;
        loop {
            match self {
                Self::Size => match take_size(read)? {
                    None => break,
                    Some(0) => *self = Self::Trailers,
                    Some(size) => *self = Self::Data(size),
                },
                Self::Data(left) => {
                    if data.is_some() {
                        break;
                    }
                    data = take_up_to(left, read);
                    if data.is_none() {
                        break;
                    }
                    if *left == 0 {
                        *self = Self::Line;
                    }
                }
                Self::Line => {
                    if !take_line_end(read)? {
                        break;
                    }
                    *self = Self::Size;
                }
                Self::Trailers => {
                    if read.starts_with(b"\r\n") {
                        read.advance(2);
                        return Ok((data.map(Frame::data), true));
                    }
                    if data.is_some() {
                        break;
                    }
                    let trailers = take_trailers(read)?;
                    let ended = trailers.is_some();
                    return Ok((trailers.map(Frame::trailers), ended));
                }
            }
        }
        Ok((data.map(Frame::data), false))
    }
}

fn take_up_to(left: &mut u64, read: &mut BytesMut) -> Option<Bytes> {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(read.len());
    *left -= length as u64;
    (length > 0).then(|| read.split_to(length).freeze())
}

/// `chunk-size [ chunk-ext ] CRLF`. Extensions are ignored (RFC 9112 §7.1.1).
fn take_size(read: &mut BytesMut) -> Result<Option<u64>, Error> {
    let Some(end) = memchr::memchr(b'\n', &read[..read.len().min(MAX_LINE)]) else {
        return if read.len() < MAX_LINE { Ok(None) } else { Err(Error::Chunk) };
    };
    let line = read[..end].strip_suffix(b"\r").ok_or(Error::Chunk)?;
    let size = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let size = hexadecimal(size).filter(|_| !line.contains(&b'\r')).ok_or(Error::Chunk)?;
    read.advance(end + 1);
    Ok(Some(size))
}

/// `1*HEXDIG`, as far as it fits.
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let significant = digits.iter().position(|digit| *digit != b'0').map_or(&[][..], |at| &digits[at..]);
    if digits.is_empty() || significant.len() > 15 {
        return None;
    }
    significant.iter().try_fold(0, |sum, digit| Some(sum << 4 | u64::from((*digit as char).to_digit(16)?)))
}

fn take_line_end(read: &mut BytesMut) -> Result<bool, Error> {
    match read.as_ref() {
        [b'\r', b'\n', ..] => {
            read.advance(2);
            Ok(true)
        }
        [] | [b'\r'] => Ok(false),
        _ => Err(Error::Chunk),
    }
}

/// Trailer fields with the empty line after them, when all of it is there.
fn take_trailers(read: &mut BytesMut) -> Result<Option<HeaderMap>, Error> {
    let Some(end) = memchr::memmem::find(&read[..read.len().min(MAX_TRAILERS)], b"\r\n\r\n") else {
        return if read.len() < MAX_TRAILERS { Ok(None) } else { Err(Error::Chunk) };
    };
    let text = read.split_to(end + 4).freeze();
    let mut fields = [httparse::EMPTY_HEADER; MAX_TRAILER_FIELDS];
    let parsed = httparse::parse_headers(&text, &mut fields).map_err(Error::Head)?;
    let fields = match parsed {
        httparse::Status::Complete((length, fields)) if length == text.len() => fields,
        _ => return Err(Error::Chunk),
    };
    let mut trailers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        field::append(&mut trailers, field, &text)?;
    }
    Ok(Some(trailers))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes all of a body that comes in these pieces: its data, its trailers, and what is left.
    fn taken(mut body: BodyDecoder, pieces: &[&[u8]]) -> Result<(Vec<u8>, Option<HeaderMap>, BytesMut), Error> {
        let (mut read, mut data, mut trailers) = (BytesMut::new(), Vec::new(), None);
        for piece in pieces {
            read.extend_from_slice(piece);
            while let Some(frame) = body.take(&mut read)? {
                match frame.into_data() {
                    Ok(bytes) => data.extend_from_slice(&bytes),
                    Err(frame) => trailers = frame.into_trailers().ok(),
                }
            }
        }
        body.close()?;
        Ok((data, trailers, read))
    }

    #[test]
    fn takes_a_length_and_no_more() {
        let (data, _, rest) = taken(BodyDecoder::with_length(5), &[b"ab", b"cdef"]).unwrap();
        assert_eq!((data.as_slice(), rest.as_ref()), (&b"abcde"[..], &b"f"[..]));
        assert!(matches!(taken(BodyDecoder::with_length(5), &[b"abcd"]), Err(Error::BrokenOff)));
    }

    #[test]
    fn takes_all_until_the_connection_is_closed() {
        assert_eq!(taken(BodyDecoder::UntilClose, &[b"ab", b"", b"c"]).unwrap().0, b"abc");
    }

    #[test]
    fn takes_chunks_with_extensions_and_trailers() {
        let text = b"3;a=\"b\"\r\nabc\r\n00A \r\n0123456789\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\nHTTP/1.1";
        for at in 0..=text.len() {
            let (data, trailers, rest) = taken(BodyDecoder::chunked(), &[&text[..at], &text[at..]]).unwrap();
            assert_eq!(data, b"abc0123456789", "{at}");
            assert_eq!(trailers.unwrap().get_all("x-sum").iter().collect::<Vec<_>>(), ["1", "2"]);
            assert_eq!(rest.as_ref(), b"HTTP/1.1");
        }
    }

    /// Then a short response can go out whole.
    #[test]
    fn sees_the_end_with_the_last_data() {
        let (mut body, mut read) = (BodyDecoder::chunked(), BytesMut::from("3\r\nabc\r\n0\r\n\r\n"));
        assert_eq!(body.take(&mut read).unwrap().unwrap().into_data().unwrap(), "abc");
        assert!(body.is_ended() && read.is_empty());
    }

    #[test]
    fn refuses_chunks_that_could_be_read_in_two_ways() {
        for text in [
            "",
            "3\r\nab",
            "3\r\nabc\r\n",
            "3\r\nabc\r\n0\r\n",
            "3\r\nabcd\r\n0\r\n\r\n",
            "3\nabc\r\n0\r\n\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "\r\nabc\r\n0\r\n\r\n",
            "-3\r\nabc\r\n0\r\n\r\n",
            "+3\r\nabc\r\n0\r\n\r\n",
            "0x3\r\nabc\r\n0\r\n\r\n",
            " 3\r\nabc\r\n0\r\n\r\n",
            "3 3\r\nabc\r\n0\r\n\r\n",
            "3\r;a\r\nabc\r\n0\r\n\r\n",
            "10000000000000003\r\nabc\r\n0\r\n\r\n",
            "0\r\nbad name: a\r\n\r\n",
            "0\r\na: b\n\nc: d\r\n\r\n",
        ] {
            assert!(taken(BodyDecoder::chunked(), &[text.as_bytes()]).is_err(), "{text:?}");
        }
        let long = format!("3;{}", "a".repeat(MAX_LINE));
        assert!(taken(BodyDecoder::chunked(), &[long.as_bytes()]).is_err());
        let many = format!("0\r\na: {}", "b".repeat(MAX_TRAILERS));
        assert!(taken(BodyDecoder::chunked(), &[many.as_bytes()]).is_err());
    }

    proptest! {
        /// However the chunks and the pieces in which they come are cut.
        #[test]
        fn takes_what_was_sent(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut text = Vec::new();
            for chunk in &chunks {
                text.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                text.extend_from_slice(chunk);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"0\r\n\r\n");
            let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(text.len())).collect();
            ends.push(text.len());
            ends.sort_unstable();
            let begins = std::iter::once(0).chain(ends.iter().copied());
            let pieces: Vec<_> = begins.zip(&ends).map(|(begin, end)| &text[begin..*end]).collect();
            let (data, trailers, rest) = taken(BodyDecoder::chunked(), &pieces).unwrap();
            prop_assert_eq!(data, chunks.concat());
            prop_assert!(trailers.is_none() && rest.is_empty());
        }

        /// One byte of a whole body is another: what is taken is what a slow reader with the whole text takes.
        #[test]
        fn takes_a_broken_body_as_it_is_defined_or_not_at_all(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 1..5),
            at in any::<prop::sample::Index>(),
            byte in prop::sample::select(&b"\r\n 0af;x"[..]),
        ) {
            let mut text = Vec::new();
            for chunk in &chunks {
                text.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                text.extend_from_slice(chunk);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"0\r\n\r\n");
            let at = at.index(text.len());
            text[at] = byte;
            let taken = taken(BodyDecoder::chunked(), &[&text]).ok().map(|(data, _, rest)| (data, rest.to_vec()));
            prop_assert_eq!(taken, defined(&text));
        }
    }

    /// The body and what follows it by RFC 9112 §7.1, read from the whole text at once. Without trailers.
    fn defined(mut text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut data = Vec::new();
        loop {
            let end = text.windows(2).position(|pair| pair == b"\r\n")?;
            let line = std::str::from_utf8(&text[..end]).ok().filter(|line| !line.contains(['\r', '\n']))?;
            let size = line.split(';').next()?.trim_end_matches([' ', '\t']);
            let digits = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
            let size = usize::from_str_radix(size, 16).ok().filter(|_| digits)?;
            text = &text[end + 2..];
            if size == 0 {
                return Some((data, text.strip_prefix(b"\r\n")?.to_vec()));
            }
            data.extend_from_slice(text.get(..size)?);
            text = text[size..].strip_prefix(b"\r\n")?;
        }
    }
}
