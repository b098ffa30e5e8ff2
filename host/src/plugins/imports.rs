//! What guests may import: one file for each family of interfaces of the contract.

mod basics;
mod guild;
mod messages;
mod own;
mod storage;

impl super::contract::types::Host for super::call::Call {}
