n=100
while :; do
  n=$((n + 1))
  took=$((n * 7919 % 613 + 120))
  if [ $took -gt 500 ]; then level='\033[1;33mWARN' color='\033[31m'; else level='\033[32mINFO' color=''; fi
  printf "\033[36m%s\033[0m $level\033[0m job %s took $color%s ms\033[0m\n" "$(date +%T)" $n $took
  sleep 0.3
done
