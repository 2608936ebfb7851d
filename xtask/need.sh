#!/bin/sh
# Names what is missing before anything is built, with the line that installs it. POSIX sh: nothing else is certain yet.

missing=0
say() {
    if [ "$missing" -eq 0 ]; then echo "Before Ronda can be built, this machine needs:" >&2; fi
    missing=1
    printf '\n  %s\n      %s\n' "$1" "$2" >&2
}
have() { command -v "$1" >/dev/null 2>&1; }

rust_line="curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . \"\$HOME/.cargo/env\""
if ! have cargo || ! have rustc; then
    if [ -x "$HOME/.cargo/bin/cargo" ]; then
        say "Rust is installed but not on the PATH" ". \"\$HOME/.cargo/env\""
    else
        say "Rust 1.95 or newer (cargo, rustc)" "$rust_line"
    fi
else
    rust=$(rustc --version | awk '{ print $2 }')
    minor=$(echo "$rust" | cut -d. -f2)
    if [ "${rust%%.*}" -eq 1 ] && [ "$minor" -lt 95 ]; then
        say "Rust 1.95 or newer (this is $rust)" "rustup update stable"
    fi
fi

node_line="curl -fsSL https://deb.nodesource.com/setup_22.x | sudo -E bash - && sudo apt-get install -y nodejs"
if ! have node || ! have npm; then
    say "Node.js 20.19 or newer, with npm" "$node_line"
else
    node=$(node --version | tr -d v)
    major=${node%%.*}
    minor=$(echo "$node" | cut -d. -f2)
    if [ "$major" -lt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -lt 19 ]; } || [ "$major" -eq 21 ] ||
        { [ "$major" -eq 22 ] && [ "$minor" -lt 12 ]; }; then
        say "Node.js 20.19, or 22.12 or newer (this is $node)" "$node_line"
    fi
fi

have make || say "make" "sudo apt-get install -y make"
have cc || say "a C compiler (cc)" "sudo apt-get install -y gcc libc6-dev"

if [ "$missing" -ne 0 ]; then
    printf '\nInstall these and run the same command again.\n' >&2
    exit 1
fi
