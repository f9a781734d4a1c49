//! Rows of the table that are of interest: few, and looked for in every column of every day.
//!
//! In: two columns of the same length, what is of interest in them. Out: places, in order. Invariant: a block of rows none of
//! which is of interest costs one look.

use domain::Quantity;

/// Rows that are looked at together.
pub(super) const BLOCK: usize = 8;

/// The rows of which `bits` of a value of one column and that of the other has any.
pub(super) fn rows_with<'a, A, B>(
    left: &'a [A],
    right: &'a [B],
    bits: impl Fn(&A, &B) -> u64 + Copy + 'a,
) -> impl Iterator<Item = usize> + 'a {
    assert_eq!(left.len(), right.len(), "columns of one table");
    let ((blocks, rest), (other_blocks, other_rest)) = (left.as_chunks::<BLOCK>(), right.as_chunks::<BLOCK>());
    let any = move |left: &[A; BLOCK], right: &[B; BLOCK]| (0..BLOCK).fold(0, |any, i| any | bits(&left[i], &right[i]));
    let in_blocks = blocks.iter().zip(other_blocks).enumerate().filter(move |(_, (left, right))| any(left, right) != 0);
    let of_block = move |(block, (left, right)): (usize, (&'a [A; BLOCK], &'a [B; BLOCK]))| {
        (0..BLOCK).filter(move |&i| bits(&left[i], &right[i]) != 0).map(move |i| block * BLOCK + i)
    };
    let first = left.len() - rest.len();
    let of_rest = (0..rest.len()).filter(move |&i| bits(&rest[i], &other_rest[i]) != 0).map(move |i| first + i);
    in_blocks.flat_map(of_block).chain(of_rest)
}

/// Not zero for two quantities that are not the same.
pub(super) fn difference(left: &Quantity, right: &Quantity) -> u64 {
    (left.units() ^ right.units()).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_those_that_a_look_at_each_row_finds(rows in prop::collection::vec((0_u8..4, 0_u8..4), 0..40)) {
            let (left, right): (Vec<u8>, Vec<u8>) = rows.iter().copied().unzip();
            let found: Vec<usize> = rows_with(&left, &right, |left, right| u64::from(left == right)).collect();
            let each: Vec<usize> = (0..rows.len()).filter(|&row| left[row] == right[row]).collect();
            prop_assert_eq!(found, each);
        }
    }
}
