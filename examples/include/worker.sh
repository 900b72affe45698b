#!/bin/sh
# A queue worker without a queue: says who it is, then waits for something to do.
echo "worker $1 started as $(id -un)"
echo "worker $1 complains here, in the same log" >&2

# Without the trap a shell would first wait for its `sleep` to end.
trap 'echo "worker stopped"; kill $! 2>/dev/null; exit 0' TERM
while :; do
    sleep 3600 &
    wait $!
done
