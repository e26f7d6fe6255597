#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tilgang::azure::fuzzing::answer(data));
