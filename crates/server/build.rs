//! The web application and the widget are embedded from their build folders. Before they were built the folders do
//! not exist, and the server must compile all the same.

use std::path::Path;

fn main() {
    for folder in ["../../web/dist", "../../widget/dist"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        if let Err(e) = std::fs::create_dir_all(&path) {
            println!("cargo::warning=cannot create {}: {e}", path.display());
        }
        println!("cargo::rerun-if-changed={}", path.display());
    }
}
