//! Names beside lines, moved apart where they would lie on each other.

/// Heights for texts that want to be at `wanted`: `gap` apart at least, between `top` and `bottom` as far as they have
/// room there, and in the same order.
pub(super) fn spread(wanted: &[f64], gap: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&one, &other| wanted[one].total_cmp(&wanted[other]));
    // Groups of neighbours that lie as close as they may, each around the middle of what its members want.
    let mut groups: Vec<(f64, Vec<usize>)> = Vec::new();
    for index in order {
        groups.push((wanted[index], vec![index]));
        while let [.., (above, those), (below, these)] = &groups[..]
            && below - above < gap * (those.len() + these.len()) as f64 / 2.0
        {
            let (_, these) = groups.pop().expect("there are two");
            let (_, mut members) = groups.pop().expect("there are two");
            members.extend(these);
            let middle = members.iter().map(|&index| wanted[index]).sum::<f64>() / members.len() as f64;
            let half = gap * (members.len() - 1) as f64 / 2.0;
            groups.push((middle.min(bottom - half).max(top + half), members));
        }
    }
    let mut heights = vec![0.0; wanted.len()];
    for (middle, members) in groups {
        let first = middle - gap * (members.len() - 1) as f64 / 2.0;
        for (index, member) in members.into_iter().enumerate() {
            heights[member] = first + gap * index as f64;
        }
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_distance_and_their_order() {
        let wanted = [100.0, 102.0, 101.0, 300.0, 50.0, 118.0];
        let heights = spread(&wanted, 16.0, 60.0, 440.0);
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_by(|&one, &other| wanted[one].total_cmp(&wanted[other]));
        for pair in order.windows(2) {
            assert!(heights[pair[1]] - heights[pair[0]] > 15.99, "{heights:?}");
        }
        assert_eq!(heights[3], 300.0, "what has room stays");
    }

    #[test]
    fn names_stay_within_the_plot() {
        let heights = spread(&[438.0, 439.0, 440.0], 16.0, 60.0, 440.0);
        assert!(heights.iter().all(|height| (60.0..=440.0).contains(height)), "{heights:?}");
        assert!(spread(&[], 16.0, 60.0, 440.0).is_empty());
    }
}
