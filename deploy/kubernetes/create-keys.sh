#!/bin/sh
# Prints the secret `crucible-queue` with new API keys: one for administrators, one for workers, one for Prometheus and
# KEDA. The pods of the service get the digests only (keys.json). Applied again, it replaces all keys at once; to replace
# one key without a gap, list the old and the new one side by side in keys.json.
#
#   sh deploy/kubernetes/create-keys.sh | kubectl apply -f -
#   sh deploy/kubernetes/create-keys.sh redis://valkey:6379 | kubectl apply -f -   # for the Redis overlay
set -eu
redis_url=${1:-}

new_key() { openssl rand -hex 24; }
entry() { # id, role, key
  digest=$(printf %s "$3" | openssl dgst -sha256 -r | cut -d' ' -f1)
  printf '{"id":"%s","sha256":"%s","roles":["%s"],"queues":["*"],"not_before":null,"expires":null}' "$1" "$digest" "$2"
}

admin=$(new_key)
worker=$(new_key)
viewer=$(new_key)

cat <<EOF
apiVersion: v1
kind: Secret
metadata:
  name: crucible-queue
  labels:
    app.kubernetes.io/name: crucible-queue
stringData:
  admin-key: '$admin'
  worker-key: '$worker'
  viewer-key: '$viewer'
  redis-url: '$redis_url'
  keys.json: '{"keys":[$(entry admin admin "$admin"),$(entry worker worker "$worker"),$(entry viewer viewer "$viewer")]}'
EOF
