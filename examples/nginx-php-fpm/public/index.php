<?php
header("Content-Type: text/plain");
echo "hello from php ", PHP_MAJOR_VERSION, ", pid ", getmypid(), "\n";
error_log("asked for " . $_SERVER["REQUEST_URI"]);
