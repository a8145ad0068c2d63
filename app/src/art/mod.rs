//! Drawings, put into the page as they are: the style sheet colours them by `currentColor` and the
//! theme's custom properties, and they cost the WASM module nothing but their text.

/// The doorway.
pub(crate) const MARK: &str = include_str!("mark.svg");
/// The way of a request, from left to right.
pub(crate) const FLOW_WIDE: &str = include_str!("flow-wide.svg");
/// The same from top to bottom, for narrow screens.
pub(crate) const FLOW_TALL: &str = include_str!("flow-tall.svg");
