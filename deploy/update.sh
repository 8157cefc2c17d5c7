#!/bin/sh
# Puts a new version of services into use, one after the other and without a gap: new replicas start beside the old
# ones, and those end when the new ones are ready. Usage: deploy/update.sh [SERVICE…] (default: all of them)
# The gateways have addresses of their own and are replaced one after the other; behind the https profile the other one
# answers meanwhile.
set -eu
cd "$(dirname "$0")/.."
if [ $# -eq 0 ]; then
  # The gateways last; the others, such as the broker and the seed, are no services of ours.
  for service in $(docker compose config --services | sort); do
    # ranking-0 and the like are parts of a service.
    for name in "$service" "${service%-*}"; do
      if [ "$name" = gateway ]; then break; fi
      if [ -e "services/$name/service.ts" ]; then set -- "$@" "$service"; break; fi
    done
  done
  set -- "$@" gateway
fi

# An image that is published is fetched; that of this folder is built.
if docker compose config --environment | grep -q '^MARQUEE_IMAGE=.'; then docker compose pull streams; else docker compose build streams; fi
# Users of the broker may have other rights in the new version: it reads them anew, and no connection ends. From within:
# Docker takes a container that it sent any signal for one that was stopped, and does not start it again after a crash.
for broker in $(docker compose ps --services | grep '^broker'); do
  docker compose exec -T "$broker" sh -c 'kill -HUP 1'
done
# New code may need a stream that the old did not; the old code does not mind.
docker compose up --no-deps --exit-code-from streams streams

for service in "$@"; do
  old=$(docker compose ps --quiet "$service")
  if [ "$service" = gateway ] || [ -z "$old" ]; then
    docker compose up --detach --no-deps --wait "$service"
    if [ "$service" = gateway ] && [ -n "$(docker compose --profile https ps --quiet gateway-2 2>/dev/null)" ]; then
      docker compose --profile https up --detach --no-deps --wait gateway-2
    fi
    continue
  fi
  replicas=$(echo "$old" | wc -l)
  docker compose up --detach --no-deps --no-recreate --wait --scale "$service=$((replicas * 2))" "$service"
  # shellcheck disable=SC2086 # one container id a word
  docker stop --time 20 $old >/dev/null && docker rm $old >/dev/null
  echo "$service: $replicas of $replicas replaced"
done
