//! The binary `ronda`.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("ronda: another provider of TLS was installed before");
        return std::process::ExitCode::FAILURE;
    }
    ronda_server::cli::run()
}
