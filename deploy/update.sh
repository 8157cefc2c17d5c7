#!/bin/sh
# Puts a new build of services into use, one after the other and without a gap: new replicas start beside the old
# ones, and those end when the new ones are ready. Usage: deploy/update.sh [SERVICE…] (default: all of them)
# The gateway has one published port and so one container: it is replaced, which takes about a second. The https
# profile holds requests back for that long.
set -eu
cd "$(dirname "$0")/.."
if [ $# -eq 0 ]; then
  for service in $(docker compose config --services | grep -vx gateway) gateway; do
    # The others, such as the broker and the seed, are no services of ours.
    if [ -e "services/$service/service.ts" ]; then set -- "$@" "$service"; fi
  done
fi

docker compose build "$@"
# New code may need a stream that the old did not; the old code does not mind.
docker compose up --no-deps --exit-code-from streams streams

for service in "$@"; do
  old=$(docker compose ps --quiet "$service")
  if [ "$service" = gateway ] || [ -z "$old" ]; then
    docker compose up --detach --no-deps --wait "$service"
    continue
  fi
  replicas=$(echo "$old" | wc -l)
  docker compose up --detach --no-deps --no-recreate --wait --scale "$service=$((replicas * 2))" "$service"
  # shellcheck disable=SC2086 # one container id a word
  docker stop --time 20 $old >/dev/null && docker rm $old >/dev/null
  echo "$service: $replicas of $replicas replaced"
done
