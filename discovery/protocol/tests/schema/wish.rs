// SPDX-License-Identifier: GPL-2.0

//! Wishes.

use xlnet_protocol::{Field, Kind, Mac, Node, Path, Wish};

use crate::error;

#[test]
fn a_wish_is_read_as_written() {
    let mut wish = Wish::new(4);
    for last in 1..4 {
        wish.push(Mac::new([0, 0x16, 0x3e, 0, 0, last]).unwrap())
            .unwrap();
    }
    let text = "room=4 mac=00:16:3e:00:00:01 mac=00:16:3e:00:00:02 mac=00:16:3e:00:00:03";
    assert_eq!(wish.to_string(), text);
    assert_eq!(Wish::parse(text), Ok(wish));
    assert_eq!(Wish::parse("room=0"), Ok(Wish::new(0)));
    assert_eq!(Path::own(Node::Wish).to_string(), "data/xlnet/wish");
}

#[test]
fn a_bad_wish_is_refused_as_a_whole() {
    for (text, field, kind) in [
        ("", Field::Wish, Kind::Syntax),
        ("4", Field::Wish, Kind::Syntax),
        ("room=04", Field::Wish, Kind::Syntax),
        ("room=65536", Field::Wish, Kind::Range),
        ("room=4 ", Field::Wish, Kind::Syntax),
        ("room=4 00:16:3e:00:00:01", Field::Wish, Kind::Syntax),
        ("room=4 mac=00:16:3e:00:00", Field::Mac, Kind::Syntax),
        ("room=4 mac=ff:ff:ff:ff:ff:ff", Field::Mac, Kind::NotUnicast),
        (
            "room=4 mac=00:16:3e:00:00:01 mac=00:16:3e:00:00:01",
            Field::Wish,
            Kind::Duplicate,
        ),
    ] {
        assert_eq!(Wish::parse(text), Err(error(field, kind)), "{text}");
    }
    let macs: Vec<_> = (0..65)
        .map(|last| format!("mac=00:16:3e:00:00:{last:02x}"))
        .collect();
    let many = macs.join(" ");
    let too_many = Err(error(Field::Wish, Kind::TooMany));
    assert_eq!(Wish::parse(&format!("room=4 {many}")), too_many);
}
