// SPDX-License-Identifier: GPL-2.0

//! The guests' vifs: what the toolstack says of them in XenStore, and which bridge they are really
//! attached to.

use kapi::{net::nic, xen::xenstore};
use kernel::{prelude::*, str::CString};
use xlnet_protocol::{
    roster::{Segment, Vif, Vifs},
    Addrs, DomId, Mac,
};

/// Where the toolstack describes the vifs that dom0 serves.
pub(crate) const BACKENDS: &str = "/local/domain/0/backend/vif";

/// Reads the vifs of a guest. Those that are not complete, or too many, are left out.
///
/// # Errors
///
/// XenStore's, `ENOMEM`.
pub(crate) fn read(guest: DomId) -> Result<Vifs> {
    let mut vifs = Vifs::new();
    let guest = guest.raw();
    let Some(handles) = xenstore::directory(fmt!("{BACKENDS}/{guest}"))? else {
        return Ok(vifs);
    };
    for handle in handles.iter() {
        let node = |name: &str| xenstore::read(fmt!("{BACKENDS}/{guest}/{handle}/{name}"));
        let Some(mac) = node("mac")?.and_then(|mac| Mac::parse(&mac).ok()) else {
            continue;
        };
        let bridge = match node("vifname")? {
            Some(name) => master(&name),
            // What xen-netback calls it.
            None => CString::try_from_fmt(fmt!("vif{guest}.{handle}"))?
                .to_str()
                .ok()
                .and_then(master),
        };
        let vlan = node("vlan")?.and_then(|vlan| vlan.parse().ok());
        let vif = Vif {
            mac,
            segment: Segment {
                bridge: bridge.unwrap_or(0),
                vlan: vlan.unwrap_or(0),
            },
            permitted: node("ip")?.and_then(|text| Addrs::parse_restriction(&text)),
        };
        if vifs.push(vif).is_err() {
            break;
        }
    }
    Ok(vifs)
}

/// The index of the bridge that a device is attached to.
fn master(name: &str) -> Option<u32> {
    u32::try_from(nic::by_name(name)?.master()?).ok()
}

/// Reads `nic=`: the bridges behind which guests may meet, `None` for all.
///
/// # Errors
///
/// `ENODEV` if there is no such device; the log says which. `ENOMEM`.
pub(crate) fn allowed(text: Option<&'static str>) -> Result<Option<KVec<&'static str>>> {
    let Some(text) = text else {
        return Ok(None);
    };
    let mut names = KVec::new();
    for name in text.split(',') {
        if nic::by_name(name).is_none() {
            pr_err!("nic={name}: there is no such device\n");
            return Err(ENODEV);
        }
        names.push(name, GFP_KERNEL)?;
    }
    Ok(Some(names))
}

/// The indexes that the allowed bridges have now.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn indexes(names: &[&str]) -> Result<KVec<u32>> {
    let mut indexes = KVec::new();
    for dev in names.iter().filter_map(|name| nic::by_name(name)) {
        indexes.push(dev.ifindex().unsigned_abs(), GFP_KERNEL)?;
    }
    Ok(indexes)
}
