#!/bin/sh
# One line a second, for ever.
count=0
while :; do
    count=$((count + 1))
    echo "round $count in $(pwd)"
    sleep 1
done
