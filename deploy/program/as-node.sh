#!/bin/sh
# Gives the data directory to the user "node" (1000), then becomes that user and the command: no root, no shell stays.
set -e
mkdir -p "$HOLDFAST_DATA"
chown 1000:1000 "$HOLDFAST_DATA"
exec setpriv --reuid=1000 --regid=1000 --clear-groups --no-new-privs "$@"
