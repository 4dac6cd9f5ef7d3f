// SPDX-License-Identifier: GPL-2.0

//! The roster, with as much memory as it asks for.

use xlnet_protocol::roster::{self, Claim, Guest, Policy, Vif, Warning};

/// Decides which guests take part.
pub fn evaluate(
    guests: &mut [Guest],
    vifs: &mut [Vif],
    policy: &Policy<'_>,
    report: &mut impl FnMut(Warning),
) {
    let mut claims = vec![Claim::NONE; roster::claims(guests)];
    roster::evaluate(guests, vifs, &mut claims, policy, report);
}
