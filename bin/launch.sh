# Sourced by every launcher here, with `h` the path of the launcher itself. Forks nothing: a tool should start as
# fast as node does. Built code is preferred; BULKHEAD_FROM_SOURCE=1 runs src/ as it is.
root=${h%/*}/..
node=$root/node_modules/node/bin/node
[ -x "$node" ] || node=node
entry=$root/dist/bundle/main.cjs
[ -z "$BULKHEAD_FROM_SOURCE" ] && [ -f "$entry" ] || entry=$root/src/tools/main.ts
exec "$node" "$entry" "${h##*/}" "$@"
