#!/bin/bash
# Starts MongoDB as a replica set of one (transactions need one); its members' shared key is made once, on the volume.
set -eu
key=/data/configdb/replica.key
[ -s "$key" ] || head -c 400 /dev/urandom | base64 -w 0 > "$key"
chown mongodb:mongodb "$key"
chmod 400 "$key"
# A transaction whose client has died holds its documents for this long where no successor ends it (60 seconds by default).
exec docker-entrypoint.sh mongod --replSet portico --bind_ip_all --keyFile "$key" --setParameter transactionLifetimeLimitSeconds=15
