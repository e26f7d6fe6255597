//! Whatever is done to its bytes, a chain is whole or the first place where it is not is named.

use proptest::prelude::*;

use super::{answer, is_whole, sheets, some_lines, start};
use crate::ledger::{
    chain::{Hash, Line, read},
    verify::verify,
};

proptest! {
    #[test]
    fn one_changed_byte_is_found(many in 0_usize..5, at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = some_lines(many).concat();
        prop_assert!(is_whole(&bytes));
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(!is_whole(&bytes), "byte {at}");
    }

    #[test]
    fn a_line_taken_out_put_in_or_moved_is_found(many in 2_usize..7, a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let lines = some_lines(many);
        let (a, b) = (a.index(many), b.index(many + 1)); // the last one taken out leaves no trace but the head
        let mut out = lines.clone();
        out.remove(a);
        prop_assert!(!is_whole(&out.concat()));
        let mut twice = lines.clone();
        twice.insert(b, lines[a].clone());
        prop_assert!(!is_whole(&twice.concat()));
        let mut moved = lines.clone();
        moved.swap(a, b);
        prop_assert_eq!(is_whole(&moved.concat()), a == b);
    }

    #[test]
    fn what_is_cut_reads_to_the_last_whole_line(many in 1_usize..5, at in any::<prop::sample::Index>()) {
        let lines = some_lines(many);
        let bytes = lines.concat();
        let at = at.index(bytes.len());
        let sheet = read(&bytes[..at]);
        let mut end = 0;
        let whole = lines.iter().take_while(|line| { end += line.len(); end <= at + 1 }).count(); // a line feed is nothing
        prop_assert_eq!((sheet.lines.len(), sheet.broken), (whole, None));
    }

    #[test]
    fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..600), cut in any::<prop::sample::Index>()) {
        let mut mixed = some_lines(2).concat();
        mixed.truncate(cut.index(mixed.len()));
        mixed.extend(&bytes);
        for bytes in [bytes, mixed] {
            let _ = verify(&sheets(&bytes));
        }
    }
}

#[test]
fn the_first_break_is_named() {
    let lines = some_lines(4);
    let why = |lines: &[Vec<u8>]| verify(&sheets(&lines.concat())).unwrap_err().to_string();
    let mut edited = lines.clone();
    edited[2] = String::from_utf8(edited[2].clone()).unwrap().replace("403", "201").into_bytes();
    assert_eq!(why(&edited), "2026-11.jsonl:3: its content does not fit its hash: it was changed");
    let mut out = lines.clone();
    out.remove(2);
    assert_eq!(why(&out), "2026-11.jsonl:3: 1 line is missing before this one: number 3 follows number 1");
    let mut moved = lines.clone();
    moved.swap(2, 3);
    assert_eq!(why(&moved), "2026-11.jsonl:3: 1 line is missing before this one: number 3 follows number 1");
    assert_eq!(
        why(&lines[1..]),
        "2026-11.jsonl:1: a file begins with a line that opens it: its first lines are missing"
    );
    let elsewhere = Line::seal(Hash::of(b"x"), 2, start(), answer(1)).unwrap().1;
    let put_in = [&lines[..2], &[elsewhere]].concat();
    assert_eq!(why(&put_in), "2026-11.jsonl:3: does not follow the line before it: one of the two was put here later");
}
