//! Files that are cut short under an observer in C.

use ringway::{Config, Ring, file};
use testkit::files::{cut, vacant};
use testkit::{Kind, PATIENCE};

use super::driver::{ASK, Ask, C, CPP, Program};

/// `RWOBS_NO_GUARD` of the header.
const NO_GUARD: u32 = 2;

pub fn a_file_cut_short_under_it_is_an_error(_: Kind) {
    for compiler in [C, CPP] {
        let Some(program) = Program::driver(compiler) else { continue };
        for flags in [0, NO_GUARD] {
            let (_directory, path) = vacant();
            let ring = file::create(&path, &Config::new().slots(8)).unwrap();
            let mut producer = ring.producer().unwrap();
            producer.publish(b"here").unwrap();
            let mut driver = program.start();
            // It loads head again and again until it is lapped, so never.
            driver.ask(&path, Ask { flags, timeout: PATIENCE.as_nanos() as i64, verify: true, ..ASK });
            assert_eq!(driver.hear(), "from 0 alive 1");
            cut(&path, 0);
            if flags == NO_GUARD {
                driver.die();
            } else {
                let said = driver.answer();
                assert!(said[0].starts_with("error the file was cut short"), "{said:?}");
                assert_eq!(said[1], "received 0 lost 0 next 0 of bytes");
                driver.ask(&path, ASK);
                assert!(driver.answer()[0].starts_with("refused 3: "));
                driver.succeed();
            }
            std::mem::forget((producer, ring));
        }
    }
}

pub fn a_guard_passes_on_what_is_not_its_own(_: Kind) {
    for compiler in [C, CPP] {
        let Some(program) = Program::compiled(compiler, "tests/c_observer/guard.c") else { continue };
        let (directory, path) = vacant();
        drop(file::create(&path, &Config::new().slots(8)).unwrap());
        let other = directory.path().join("other");
        let output = program.run(&[path.as_os_str(), other.as_os_str()]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}: {said}", output.status);
        assert_eq!(said, "passed on 4 times, then cut short\n");
    }
}
