//! Taking, keeping or ending somebody's session.
