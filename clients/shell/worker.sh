#!/bin/sh
# A worker with nothing but curl and jq: takes tasks, runs their code with sh, and reports how it went.
# It sends no heartbeats, so a task is held for its timeout and the grace of the service.
set -eu
url=${QUEUE_URL:-http://127.0.0.1:8081}
worker=${WORKER_ID:-$(hostname)-$$}

call() {
  curl -sS --retry 8 --retry-connrefused -H "X-API-Key: ${QUEUE_API_KEY:-}" -H 'Content-Type: application/json' "$@"
}

while :; do
  task=$(call "$url/tasks/next?wait=20&worker_id=$worker") || continue
  id=$(printf '%s' "$task" | jq -r '.eval_id // empty')
  [ -n "$id" ] || continue
  timeout=$(printf '%s' "$task" | jq -r .timeout)
  if output=$(printf '%s' "$task" | jq -j .code | timeout "$timeout" sh); then
    report=$(printf '%s' "$task" | jq --arg output "$output" '{lease_id, output: $output}')
    printf '%s' "$report" | call "$url/tasks/$id/complete" --data-binary @- -o /dev/null || :
  else
    report=$(printf '%s' "$task" | jq '{lease_id, error: "the code did not end well"}')
    printf '%s' "$report" | call "$url/tasks/$id/fail" --data-binary @- -o /dev/null || :
  fi
done
