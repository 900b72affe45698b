#!/bin/sh
# Debian names the program after its version; others do not.
for program in php-fpm php-fpm8.4 php-fpm8.3 php-fpm8.2 php-fpm8.1 php-fpm7.4; do
    path=$(PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$program") && exec "$path" "$@"
done
echo "php-fpm is not installed" >&2
exit 127
