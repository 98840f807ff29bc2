#!/bin/sh
# A worker that needs only curl and jq: claims tasks, runs their code with sh, and reports the results. It sends no
# heartbeats, so a lease lasts the task's timeout plus the grace of the service.
#
# The code gets the lease of its own task and never the key. As root, the worker runs the code as QUEUE_TASK_USER
# (nobody); as another user, in its own user namespace. Without either, the worker logs that the code can read the key
# from /proc.
set -u
umask 077

url=${QUEUE_URL:-http://127.0.0.1:8081}
worker=${WORKER_ID:-$(hostname)-$$}
queues=${QUEUES:-default} # in order of preference, separated by commas
key=${QUEUE_API_KEY:-}
task_user=${QUEUE_TASK_USER:-nobody}
unset QUEUE_API_KEY

most_output=1000000                        # bytes; the service takes reports of up to 2 MiB
error_tail=4000                            # bytes
most_written=16384                         # blocks of one file that the code writes: 8 MiB or more
most_read=16384                            # blocks of one answer, the same
report_patience=${REPORT_PATIENCE:-120}    # seconds
longest_pause=30                           # seconds

own=$(mktemp -d) || exit 70
run_id=$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
stopping=
running=
poll=
trap 'rm -rf "$own"' EXIT
# A signal lets a running task finish. It aborts a pending claim, whose task is then released.
trap 'stopping=1; [ -n "$running" ] || [ -z "$poll" ] || kill "$poll" 2>/dev/null' TERM INT HUP

# Control characters of a server or a task must not steer the terminal. The C1 controls and the bidirectional controls
# are not ASCII.
say() { printf '%s\n' "$*" | LC_ALL=C tr -c '\011\012\040-\176' '?' >&2; }

# Seconds of the monotonic clock, where the system provides one.
seconds() { cut -d . -f 1 /proc/uptime 2>/dev/null || date +%s; }

# The key goes through a pipe, because every user of the machine can read the arguments of curl.
secret() {
  [ -z "$key" ] || printf 'header = "X-API-Key: %s"\n' "$(printf '%s' "$key" | sed 's/[\\"]/\\&/g')"
}

# call SECONDS PATH FILE: posts the file. Sets $status (000 without an answer) and writes the answer to $own/answer.
# curl limits answers with a known length, the shell limits all others.
call() {
  : >"$own/answer"
  : >"$own/headers"
  secret | (
    ulimit -c 0
    ulimit -f "$most_read"
    exec curl -sS -K - --max-time "$1" --max-filesize 8000000 -H 'Content-Type: application/json' \
      --data-binary "@$3" -D "$own/headers" -o "$own/answer" -w '%{http_code}' "$url$2" >"$own/status" 2>"$own/trouble"
  ) &
  poll=$!
  # A signal aborted it before it began.
  [ -z "$stopping" ] || [ -n "$running" ] || kill "$poll" 2>/dev/null
  await "$poll"
  poll=
  status=$(cat "$own/status")
  [ "$ended" -eq 0 ] || status=000
}

# Waits for a process, even when a signal arrives meanwhile; its exit code is in $ended.
await() {
  while :; do
    wait "$1"
    ended=$?
    kill -0 "$1" 2>/dev/null || return 0
  done
}

# Waits before the next try: longer with each try, at random per worker, at most two tries a second. Retry-After is
# limited to one minute; other values than whole numbers are ignored.
rest() {
  asked=$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]\{1,6\}\) *.\{0,1\}$/\1/p' "$own/headers" 2>/dev/null | tail -n 1)
  seed=$(od -An -N3 -tu4 /dev/urandom 2>/dev/null || echo $$)
  sleep "$(awk -v tries="$1" -v longest="$longest_pause" -v asked="${asked:-0}" -v seed="$seed" 'BEGIN {
    srand(seed)
    pause = tries > 6 ? longest : 2 ^ tries / 2
    if (pause > longest) pause = longest
    if (asked > 60) asked = 60
    printf "%.2f", 0.5 + asked + pause * rand()
  }')" &
  await $!
}

# Logs a problem, unless it repeats the last one.
trouble() {
  [ "$1" = "${told:-}" ] || say "$worker: $1"
  told=$1
}

# Extracts the text of a string member, even when jq cannot parse the rest. The service sends these members before the
# payload.
member() {
  jq -r --arg name "$1" '.tasks[0][$name] | select(type == "string" or type == "number")' "$own/answer" 2>/dev/null |
    grep . || grep -ao "\"$1\":\"[^\"\\\\]*\"" "$own/answer" | head -n 1 | cut -d '"' -f 4
}

is_id() { printf '%s' "$1" | grep -qx '[A-Za-z0-9][A-Za-z0-9._:-]\{0,127\}'; }

# report VERB FILE: retries until the service answers or rejects the report as late, or until report_patience ends.
report() {
  give_up_at=$(($(seconds) + report_patience))
  tries=0
  while :; do
    call 15 "/tasks/$id/$1" "$2"
    code=$(jq -r 'if type == "object" then .code // empty else empty end' "$own/answer" 2>/dev/null)
    case $status in
    2*) jq -e --arg id "$id" '.eval_id == $id and (.status | type == "string")' "$own/answer" >/dev/null 2>&1 &&
      return 0 ;;
    404 | 409) case $code in '' | not_found) ;; *) say "$id: not reported, $code"; return 0 ;; esac ;;
    400 | 413 | 422) [ -z "$code" ] || return 1 ;;
    esac
    [ "$(seconds)" -lt "$give_up_at" ] || { say "$id: not reported, its lease will expire"; return 0; }
    trouble "a report was answered $status ${code:-} $(head -n 1 "$own/trouble")"
    rest "$tries"
    tries=$((tries + 1))
  done
}

# fail RETRYABLE TEXT-FILE EXIT-CODE
fail() {
  jq -n --arg lease "$lease" --rawfile error "$2" --argjson retryable "$1" --argjson exit_code "$3" \
    '{lease_id: $lease, error: $error, retryable: $retryable, exit_code: $exit_code}' >"$own/report"
  report fail "$own/report" && return
  jq -n --arg lease "$lease" '{lease_id: $lease, error: "The failure cannot be sent as it was"}' >"$own/report"
  report fail "$own/report" || say "$id: the service rejected the report"
}

# Determines once how to start the code of a task; the command is in $start.
can() { "$@" true >/dev/null 2>&1; }
isolate() {
  namespaces='unshare --pid --fork --kill-child --mount-proc'
  if [ "$(id -u)" -eq 0 ]; then
    uid=$(id -u -- "$task_user") && gid=$(id -g -- "$task_user") || exit 64
    [ "$uid" -ne 0 ] || { say 'QUEUE_TASK_USER must not be root: root can read the key'; exit 64; }
    start="setpriv --reuid=$uid --regid=$gid --clear-groups --no-new-privs"
    if ! can $start; then
      say 'NOT ISOLATED: setpriv is missing or cannot change the user, so the code of tasks runs as root and can read the key'
      start=
    fi
    if can $namespaces; then start="$namespaces $start"; else leaves=1; fi
  elif can $namespaces --map-root-user; then
    start="$namespaces --map-root-user"
  else
    start=
    leaves=1
    say 'NOT ISOLATED: the system allows no user namespace, so the code of tasks can read the key and signal this worker'
  fi
  [ -z "${leaves:-}" ] || say 'NOT ISOLATED: the code of tasks sees other processes and may leave processes behind'
}

# Runs the code of a task; its exit code is in $ended. The code is a child of its namespace's first process, because a
# first process ignores its own signals.
run() {
  (
    # Limits the size of every file that the code writes, including its output.
    ulimit -f "$most_written" 2>/dev/null
    cd /tmp || exit 70
    exec env -i PATH="$PATH" HOME=/tmp QUEUE_URL="$url" QUEUE_EVAL_ID="$id" QUEUE_LEASE_ID="$lease" \
      timeout -s KILL "$timeout" $start sh -c 'sh; exit $?'
  ) <"$own/code" >"$own/output" 2>"$own/error" &
  await "$!"
  # timeout leads its own process group; the remaining processes of the group are killed here.
  kill -KILL "-$!" 2>/dev/null
}

work() {
  id=$(member eval_id)
  lease=$(member lease_id)
  if ! is_id "$id" || [ -z "$lease" ]; then
    trouble 'a claim was answered with something else than tasks'
    return 1
  fi
  # A response that a proxy repeats starts no task twice.
  [ "$lease" != "${last_lease:-}" ] || return 1
  last_lease=$lease
  running=1
  timeout=$(jq -r '.tasks[0].timeout | numbers' "$own/answer" 2>/dev/null)
  if [ -z "$timeout" ] || ! jq -j '.tasks[0].code | strings' "$own/answer" >"$own/code" 2>/dev/null; then
    echo 'jq cannot parse the task' >"$own/error"
    fail false "$own/error" 65
  else
    run
    judge "$ended"
  fi
  running=
}

# judge EXIT-CODE
judge() {
  tail -c "$error_tail" "$own/error" >"$own/tail"
  [ -s "$own/tail" ] || echo "The code exited with $1" >"$own/tail"
  if [ "$1" -ne 0 ]; then
    fail true "$own/tail" "$1"
  elif [ "$(wc -c <"$own/output")" -gt "$most_output" ]; then
    echo "The output is larger than $most_output bytes" >"$own/tail"
    fail false "$own/tail" 65
  # UTF-16 has the same range as Unicode; a conversion to UTF-8 alone would accept invalid characters.
  elif ! iconv -f UTF-8 -t UTF-16 <"$own/output" >/dev/null 2>&1; then
    echo 'The output is not UTF-8; encode other bytes, for example with base64' >"$own/tail"
    fail false "$own/tail" 65
  else
    jq -n --arg lease "$lease" --rawfile output "$own/output" '{lease_id: $lease, output: $output}' >"$own/report"
    report complete "$own/report" && return
    echo 'The output cannot be sent' >"$own/tail"
    fail false "$own/tail" 65
  fi
}

# curl would parse a line break in the key as another option, and quote the rest in an error.
case $key in *[!\ -~]*) say 'QUEUE_API_KEY must be printable ASCII; does it end with a line break?'; exit 64 ;; esac

isolate
misses=0
claim_number=0
while [ -z "$stopping" ]; do
  # A repeated claim with the same claim_id returns the same task.
  [ "$misses" -gt 0 ] || claim_number=$((claim_number + 1))
  jq -n --arg worker "$worker" --arg claim "$run_id-$claim_number" --arg queues "$queues" \
    '{worker_id: $worker, queues: ($queues | split(",")), wait: 20, claim_id: $claim}' >"$own/claim"
  asked_at=$(seconds)
  call 30 /tasks/claim "$own/claim"
  case $status in
  200)
    if jq -e '.tasks == []' "$own/answer" >/dev/null 2>&1; then
      misses=0
      # A service that is shutting down, or drains this worker, answers a poll at once.
      [ "$(jq -r '.command // empty' "$own/answer")" != drain ] || break
      [ $(($(seconds) - asked_at)) -gt 1 ] || rest 0
      continue
    fi
    if work; then misses=0; told=; continue; fi ;;
  *) [ -n "$stopping" ] || trouble "a claim was answered $status $(head -n 1 "$own/trouble")" ;;
  esac
  [ -z "$stopping" ] || break
  rest "$misses"
  misses=$((misses + 1))
done

running=1
# Releases the task of an aborted claim, if the service granted one.
if [ "$status" = 000 ]; then
  jq '.wait = 0' "$own/claim" >"$own/again" && call 5 /tasks/claim "$own/again"
  id=$(member eval_id)
  lease=$(member lease_id)
  if is_id "$id" && [ -n "$lease" ]; then
    jq -n --arg lease "$lease" '{lease_id: $lease, reason: "The worker was stopped"}' >"$own/report"
    call 5 "/tasks/$id/release" "$own/report"
  fi
fi

# Reports that the worker leaves, so that operators see it as gone and not as silent. Older services lack this call.
printf '{}' >"$own/claim"
call 5 "/workers/$(jq -rn --arg worker "$worker" '$worker | @uri')/leave" "$own/claim"
