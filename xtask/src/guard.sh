#!/bin/bash
# Runs a server until the caller goes away: however the caller ends, even killed, its end of our standard input
# closes, and then the server is stopped by its process id and its folder removed. Bounded in time in any case.
# Arguments: folder to remove, bound in seconds, then the command of the server.
folder=$1 bound=$2
shift 2
# A terminal's Ctrl+C reaches the whole group; the end of the input is what stops us, in order.
trap '' INT HUP
"$@" </dev/null >"$folder/server.log" 2>&1 &
server=$!
read -r -t "$bound" _ || true
kill -INT "$server" 2>/dev/null
for _ in $(seq 100); do
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
kill -KILL "$server" 2>/dev/null
wait "$server" 2>/dev/null
rm -rf "$folder"
