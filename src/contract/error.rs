//! Errors of contracts.

use super::UnknownPreset;

/// Why a contract cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContractError {
    /// The preset does not exist.
    #[error(transparent)]
    UnknownPreset(#[from] UnknownPreset),
    /// A field is missing, unknown or of the wrong type.
    #[error("{0}")]
    Field(String),
}

/// An error that names the key.
pub(super) fn wrong(key: &str, problem: &str) -> Result<(), ContractError> {
    Err(ContractError::Field(format!("`{key}` {problem}")))
}
