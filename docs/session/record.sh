#!/usr/bin/env bash
# Records the terminal session in this directory: what `ringway`'s commands that look at rings say of one ring with a
# producer, two consumers, of which one is stopped, and an observer. It takes tmux (Debian: apt-get install tmux), and
# a minute. Usage: docs/session/record.sh [COMMAND]...   (at first all: watch info maps doctor dump)
set -euo pipefail
cd "$(dirname "$0")"

command -v tmux >/dev/null || { echo "tmux is missing: on Debian, apt-get install tmux" >&2; exit 1; }
ring=/dev/shm/orders
[ ! -e "$ring" ] || { echo "$ring exists: remove it first" >&2; exit 1; }
cargo build --quiet --locked --package ringway-tools --bin ringway
PATH=${CARGO_TARGET_DIR:-$PWD/../../target}/debug:$PATH
export PATH COLUMNS=80 NO_COLOR=1
[ $# -gt 0 ] || set -- watch info maps doctor dump
out=$PWD
scratch=$(mktemp -d)
socket=$scratch/tmux
pids=()

finish() {
  tmux -S "$socket" kill-server 2>/dev/null || true
  [ ${#pids[@]} -eq 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
  # What it reads for its input ends with it.
  wait 2>/dev/null || true
  rm -rf "$ring" "$scratch"
}
trap finish EXIT

# Paths of this machine are no part of the session.
cd "$scratch"
mkfifo ticks
(while printf 'tick\n'; do sleep 0.005; done >ticks 2>/dev/null) & pids+=($!)
ringway pub "$ring" --slots 4096 --slot-size 64 <ticks 2>/dev/null & pids+=($!)
until ringway info "$ring" >/dev/null 2>&1; do sleep 0.05; done
ringway sub "$ring" >/dev/null 2>&1 & pids+=($!)
ringway sub "$ring" >/dev/null 2>&1 & stopped=$!; pids+=("$stopped")
ringway sub "$ring" --observe >/dev/null 2>&1 & pids+=($!)
until [ "$(ringway info --json "$ring" | grep -o '"cell"' | wc -l)" -ge 2 ]; do sleep 0.05; done
sleep 1
kill -STOP "$stopped"

# Runs a command line, and keeps what it says.
record() {
  local name=$1
  shift
  { echo "\$ $*"; "$@" 2>&1 || echo "(exit status $?)"; } >"$out/$name.txt"
  echo "docs/session/$name.txt"
}

for what in "$@"; do
  if [ "$what" != watch ] && ! ringway "$what" --help >/dev/null 2>&1; then
    echo "ringway has no command $what: not recorded" >&2
    continue
  fi
  case $what in
    watch)
      tmux -S "$socket" -f /dev/null new-session -d -x 80 -y 24 "ringway watch $ring"
      # The curve needs some looks.
      sleep 12
      until tmux -S "$socket" capture-pane -p | grep -q 'stopped?'; do sleep 0.2; done
      tmux -S "$socket" capture-pane -p >"$out/watch.txt"
      tmux -S "$socket" send-keys q
      echo "docs/session/watch.txt"
      ;;
    doctor) record doctor ringway doctor "$ring" ;;
    dump)
      # A post-mortem: the ring of processes that are dead.
      kill -KILL "${pids[@]}" 2>/dev/null || true
      wait 2>/dev/null || true
      record dump ringway dump "$ring"
      ;;
    *) record "$what" ringway "$what" "$ring" ;;
  esac
done

# Nothing in it names this machine: what follows a kernel's version is the name of its build.
[ ! -e "$out/doctor.txt" ] || sed -i -E 's/( kernel +[0-9]+\.[0-9]+\.[0-9]+)-[^ ]+/\1/' "$out/doctor.txt"
host=$(uname -n | sed 's/[].[*^$]/\\&/g')
if grep -nE "(^|[^[:alnum:].])$host([^[:alnum:].]|$)" -- "$out"/*.txt ||
  grep -nF -e "${HOME%/}/" -e "$scratch" -- "$out"/*.txt; then
  echo "the lines above name this machine" >&2
  exit 1
fi
