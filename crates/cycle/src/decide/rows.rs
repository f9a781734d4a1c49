//! Rows of the table that are of interest: few, and looked for in every column of every day.
//!
//! In: two columns of the same length, what is of interest in them. Out: places, in order. Invariant: a block of rows none of
//! which is of interest costs one look.

/// Rows that are looked at together.
const BLOCK: usize = 8;

/// Hands out the rows of which `bits` of a value of one column and that of the other has any.
#[inline]
pub(super) fn rows_with<A, B>(left: &[A], right: &[B], bits: impl Fn(&A, &B) -> u64, mut each: impl FnMut(usize)) {
    assert_eq!(left.len(), right.len(), "columns of one table");
    let ((blocks, rest), (other_blocks, other_rest)) = (left.as_chunks::<BLOCK>(), right.as_chunks::<BLOCK>());
    let mut row = 0;
    for (left, right) in blocks.iter().zip(other_blocks) {
        let found: [u64; BLOCK] = std::array::from_fn(|place| bits(&left[place], &right[place]));
        if found.iter().fold(0, |any, bits| any | bits) != 0 {
            (0..BLOCK).filter(|&place| found[place] != 0).for_each(|place| each(row + place));
        }
        row += BLOCK;
    }
    for (place, (left, right)) in rest.iter().zip(other_rest).enumerate() {
        if bits(left, right) != 0 {
            each(row + place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_those_that_a_look_at_each_row_finds(rows in prop::collection::vec((0_u8..4, 0_u8..4), 0..40)) {
            let (left, right): (Vec<u8>, Vec<u8>) = rows.iter().copied().unzip();
            let mut found = Vec::new();
            rows_with(&left, &right, |left, right| u64::from(left == right), |row| found.push(row));
            let each: Vec<usize> = (0..rows.len()).filter(|&row| left[row] == right[row]).collect();
            prop_assert_eq!(found, each);
        }
    }
}
