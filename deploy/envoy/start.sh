#!/bin/sh
# Starts Envoy in a container of its own, from the configuration that enforcement writes into a folder that both have mounted at the
# same path. Usage: start.sh FOLDER
set -eu
folder="$1"

# Enforcement writes the listeners last: from then on everything else is there.
until [ -f "$folder/bootstrap.json" ] && [ -f "$folder/dynamic/listeners.json" ]; do
  sleep 0.2
done

# Each start has a name of its own: it stands in every line of the log and beside Envoy's counters, which begin anew.
PORTICO_PROXY_RUN="$(hostname)-$$-$(date +%s)"
export PORTICO_PROXY_RUN

exec envoy \
  --config-path "$folder/bootstrap.json" \
  --admin-address-path "$folder/admin.address" \
  --concurrency "${PORTICO_ENFORCEMENT_PROXY_THREADS:-1}" \
  --disable-hot-restart \
  --file-flush-interval-msec 100 \
  --file-flush-min-size-kb 1 \
  --drain-time-s "${PORTICO_ENFORCEMENT_DRAIN_SECONDS:-5}" \
  --drain-strategy immediate \
  --log-level warning \
  --service-node "$PORTICO_PROXY_RUN"
