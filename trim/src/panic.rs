//! What a panic says: which line of which file, and why. In a release a panic ends the program in a trap, and says
//! nothing; then the places of all lines that could panic are not read any more.

use std::ops::Range;

use walrus::{ConstExpr, Data, DataKind, Module, ir::Value};

/// What the compiler keeps of a place: address and length of the file's name, line and column, four bytes each.
const PLACE: u8 = 16;
/// More than any source has.
const LINES: u32 = 100_000;
const COLUMNS: u32 = 1_000;

/// Parts of the names of the functions that begin a panic.
pub(crate) const FUNCTIONS: &[&str] = &[
    "4core9panicking",
    "slice_error_fail",
    "slice_index_fail",
    "unwrap_failed",
    "expect_failed",
    "18handle_alloc_error",
    "17capacity_overflow",
];

/// Writes zeros over the places and the names of their files, which compress to nothing.
pub(crate) fn forget_places(module: &mut Module) {
    let memory = Memory::of(module);
    let places: Vec<Range<u32>> = memory.places().flatten().collect();
    let ids: Vec<_> = module.data.iter().map(Data::id).collect();
    for id in ids {
        let data = module.data.get_mut(id);
        let Some(start) = start(&data.kind) else { continue };
        for place in &places {
            let inside = offset(start, place.start).zip(offset(start, place.end));
            if let Some(bytes) = inside.and_then(|(from, to)| data.value.get_mut(from..to)) {
                bytes.fill(0);
            }
        }
    }
}

fn offset(start: u32, address: u32) -> Option<usize> {
    usize::try_from(address.checked_sub(start)?).ok()
}

/// Where in memory the data go.
fn start(kind: &DataKind) -> Option<u32> {
    match kind {
        DataKind::Active { offset: ConstExpr::Value(Value::I32(start)), .. } => u32::try_from(*start).ok(),
        _ => None,
    }
}

/// The memory as the module begins with.
struct Memory(Vec<(u32, Vec<u8>)>);

impl Memory {
    fn of(module: &Module) -> Self {
        Self(module.data.iter().filter_map(|data| Some((start(&data.kind)?, data.value.clone()))).collect())
    }

    fn read(&self, address: u32, length: u32) -> Option<&[u8]> {
        let end = usize::try_from(length).ok()?;
        self.0.iter().find_map(|(start, bytes)| {
            let from = offset(*start, address)?;
            bytes.get(from..from.checked_add(end)?)
        })
    }

    /// The addresses of each place, and of the name of its file.
    fn places(&self) -> impl Iterator<Item = [Range<u32>; 2]> {
        self.0.iter().flat_map(move |(start, bytes)| {
            let windows = bytes.windows(PLACE.into()).zip(*start..);
            windows.filter(|(_, address)| address % 4 == 0).filter_map(move |(window, address)| {
                let place = address..address.checked_add(PLACE.into())?;
                Some([place, self.file(window)?])
            })
        })
    }

    /// The address of the file's name, if these bytes are a place.
    fn file(&self, bytes: &[u8]) -> Option<Range<u32>> {
        let mut words = bytes.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
        let (address, length, line, column) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let fits = (1..LINES).contains(&line) && (1..COLUMNS).contains(&column);
        let name = self.read(address, length).filter(|_| fits)?;
        let is_source = name.ends_with(b".rs") && name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        is_source.then_some(address..address.checked_add(length)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &[u8] = b"src/a.rs";

    /// A memory at 1,024 with a name, and a place that says it is in a line of that file.
    fn memory(name: &[u8], line: u32) -> Vec<u8> {
        let mut bytes = name.to_vec();
        for word in [1024, u32::try_from(name.len()).unwrap(), line, 5] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(b"kept");
        bytes
    }

    fn forgotten(bytes: Vec<u8>) -> Vec<u8> {
        let mut module = Module::default();
        let memory = module.memories.add_local(false, false, 1, None, None);
        let offset = ConstExpr::Value(Value::I32(1024));
        module.data.add(DataKind::Active { memory, offset }, bytes);
        forget_places(&mut module);
        module.data.iter().next().unwrap().value.clone()
    }

    #[test]
    fn a_place_and_the_name_of_its_file_are_forgotten() {
        let mut expected = vec![0; NAME.len() + usize::from(PLACE)];
        expected.extend(b"kept");
        assert_eq!(forgotten(memory(NAME, 7)), expected);
    }

    #[test]
    fn what_is_no_place_stays() {
        for bytes in [memory(b"src/a.js", 7), memory(NAME, 0), memory(NAME, LINES)] {
            assert_eq!(forgotten(bytes.clone()), bytes);
        }
    }
}
