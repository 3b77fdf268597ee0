//! Takes the programs out of the recipes: each block of Rust that begins with its name, `// orders.rs`.

use std::{env, fs, path::Path};

const RECIPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/recipes");

fn main() {
    let out = env::var_os("OUT_DIR").expect("cargo gives build scripts a folder");
    println!("cargo::rerun-if-changed={RECIPES}");
    for page in fs::read_dir(RECIPES).expect("the recipes are there") {
        let page = page.expect("the folder can be read").path();
        let text = fs::read_to_string(&page).expect("a page is text");
        for rest in text.split("\n```rust\n// ").skip(1) {
            let (name, rest) = rest.split_once('\n').expect("code follows the name");
            let (code, _) = rest.split_once("\n```\n").expect("the block ends");
            fs::write(Path::new(&out).join(name), code).expect("the folder can be written");
        }
    }
}
