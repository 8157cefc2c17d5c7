#!/bin/sh
# Updates services one after the other without downtime: new replicas start beside the old ones, which stop once the new
# ones are ready. Usage: deploy/update.sh [SERVICE…] (default: all services)
# The gateways publish fixed ports and are replaced one after the other; with the https profile the other one answers
# meanwhile.
set -eu
cd "$(dirname "$0")/.."
if [ $# -eq 0 ]; then
  # The gateways come last. Other entries of Compose, such as the broker and the seed, are not services of Marquee.
  for service in $(docker compose config --services | sort); do
    # ranking-0 and so on are partitions of a service.
    for name in "$service" "${service%-*}"; do
      if [ "$name" = gateway ]; then break; fi
      if [ -e "services/$name/service.ts" ]; then set -- "$@" "$service"; break; fi
    done
  done
  set -- "$@" gateway
fi

# Pull a published image, or build the image of this folder.
if docker compose config --environment | grep -q '^MARQUEE_IMAGE=.'; then docker compose pull streams; else docker compose build streams; fi
# Make the brokers reload the permissions of users, which the new version may change; connections stay open. The signal
# is sent inside the container: Docker would treat one that it signals as stopped, and not restart it after a crash.
for broker in $(docker compose ps --services | grep '^broker'); do
  docker compose exec -T "$broker" sh -c 'kill -HUP 1'
done
# The new version may need further streams, which the old one ignores.
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
  if ! docker compose up --detach --no-deps --no-recreate --wait --scale "$service=$((replicas * 2))" "$service"; then
    # Removing the new replicas leaves everything as before, so that an update or roll-back can be run again.
    for new in $(docker compose ps --all --quiet "$service" | grep -vF "$old"); do
      docker logs --tail 20 "$new" >&2
      docker rm --force "$new" >/dev/null
    done
    echo "$service: not updated, because its new replicas did not become ready" >&2
    exit 1
  fi
  # shellcheck disable=SC2086 # one container id a word
  docker stop --time 20 $old >/dev/null && docker rm $old >/dev/null
  echo "$service: $replicas of $replicas replaced"
done
