//! What kind of machine is measured.

use std::fs;

/// The processor in a few words, with the number of cores this process may use: `2-core Intel Xeon VM`.
pub fn kind(cores: usize) -> String {
    described(cores, &fs::read_to_string("/proc/cpuinfo").unwrap_or_default())
}

fn described(cores: usize, cpuinfo: &str) -> String {
    let value = |key: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1)
    };
    let mut name = value("model name").unwrap_or(std::env::consts::ARCH).to_owned();
    for noise in ["(R)", "(TM)", "(r)", "(tm)", "CPU", "Processor"] {
        name = name.replace(noise, " ");
    }
    let name: Vec<_> = name.split_whitespace().take_while(|word| *word != "@").collect();
    let guest = value("flags").is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"));
    format!("{cores}-core {}{}", name.join(" "), if guest { " VM" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_named_in_a_few_words() {
        let guest = "model name\t: Intel(R) Xeon(R) Processor\nflags\t\t: fpu hypervisor lahf_lm\n";
        assert_eq!(described(2, guest), "2-core Intel Xeon VM");
        let bare = "model name\t: Intel(R) Core(TM) i7-9700 CPU @ 3.00GHz\nflags\t\t: fpu\n";
        assert_eq!(described(8, bare), "8-core Intel Core i7-9700");
        assert!(described(4, "").starts_with("4-core "));
    }
}
