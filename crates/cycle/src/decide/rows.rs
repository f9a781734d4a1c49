//! Rows of the table that are of interest: few, and looked for in every column of every day.
//!
//! In: two columns of the same length, what is of interest in them. Out: places, in order. Invariant: a block of rows none of
//! which is of interest costs one look.

/// Rows that are looked at together.
pub(super) const BLOCK: usize = 8;

/// The rows in which a value of one column beside that of the other `is` of interest.
pub(super) fn rows_where<'a, A, B>(
    left: &'a [A],
    right: &'a [B],
    is: impl Fn(&A, &B) -> bool + Copy + 'a,
) -> impl Iterator<Item = usize> + 'a {
    assert_eq!(left.len(), right.len(), "columns of one table");
    let (blocks, rest) = (left.as_chunks::<BLOCK>().0, left.as_chunks::<BLOCK>().1);
    let (other_blocks, other_rest) = right.as_chunks::<BLOCK>();
    let any =
        move |left: &[A; BLOCK], right: &[B; BLOCK]| (0..BLOCK).fold(false, |any, i| any | is(&left[i], &right[i]));
    let in_blocks = blocks.iter().zip(other_blocks).enumerate().filter(move |(_, (left, right))| any(left, right));
    let of_block = move |(block, (left, right)): (usize, (&'a [A; BLOCK], &'a [B; BLOCK]))| {
        (0..BLOCK).filter(move |&i| is(&left[i], &right[i])).map(move |i| block * BLOCK + i)
    };
    let first = left.len() - rest.len();
    let of_rest = (0..rest.len()).filter(move |&i| is(&rest[i], &other_rest[i])).map(move |i| first + i);
    in_blocks.flat_map(of_block).chain(of_rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_those_that_a_look_at_each_row_finds(rows in prop::collection::vec((0_u8..4, 0_u8..4), 0..40)) {
            let (left, right): (Vec<u8>, Vec<u8>) = rows.iter().copied().unzip();
            let found: Vec<usize> = rows_where(&left, &right, |left, right| left == right).collect();
            let each: Vec<usize> = (0..rows.len()).filter(|&row| left[row] == right[row]).collect();
            prop_assert_eq!(found, each);
        }
    }
}
