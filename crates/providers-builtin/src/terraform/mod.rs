//! The terraform provider, which is part of Terraform itself.

mod data;
mod remote_state;

use std::sync::Arc;

use ferroform_core::addr::ProviderSource;
use ferroform_core::schema::Block;

use crate::builtin::{self, Factory};
use crate::randomness::RandomSource;

/// The Terraform that this provider equals.
const VERSION: &str = "1.11.4";

/// Makes the provider.
pub(crate) fn factory(random: Arc<dyn RandomSource>) -> Factory {
    builtin::factory(
        vec![ProviderSource::built_in("terraform")],
        VERSION,
        Block::default(),
        vec![("terraform_data", Arc::new(data::TerraformData(random)))],
        vec![("terraform_remote_state", Arc::new(remote_state::RemoteState))],
    )
}
