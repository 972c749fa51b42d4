#!/bin/sh
# Prepares a checkout and this machine, idempotently: npm packages (with the right Node), then a Docker Engine, and with
# --with-browser Chromium, for tests of pages.
# Called by `npm test`, `npm run demo` and `npm run bench`; runs on POSIX sh and any Node.js >= 20.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

install_packages() {
  stamp=node_modules/.errand-lock
  if [ -f "$stamp" ] && cmp -s package-lock.json "$stamp"; then return; fi
  say 'installing npm packages (npm ci)'
  # Named, because NODE_ENV=production and a user's npm settings leave them out, and Node.js itself is optional.
  npm ci --include=dev --include=optional --no-audit --no-fund --loglevel=error
  cp package-lock.json "$stamp"
}

engine_answers() {
  node -e '
    const socket = process.argv[1]
    const request = require("node:http").get({ socketPath: socket, path: "/_ping", timeout: 2000 }, (r) => process.exit(r.statusCode === 200 ? 0 : 1))
    request.on("timeout", () => process.exit(1)).on("error", () => process.exit(1))
  ' "$1"
}

wait_for_engine() {
  tries=0
  until engine_answers "$1"; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || die "the Docker Engine did not answer on $1; see /var/log/errand-dockerd.log"
    sleep 0.5
  done
}

# Nothing of ours restarts an engine that is there; this only starts one where none answers.
start_engine() {
  if [ -d /run/systemd/system ]; then
    systemctl start docker
  else
    say 'starting dockerd (log: /var/log/errand-dockerd.log)'
    setsid dockerd >/var/log/errand-dockerd.log 2>&1 </dev/null &
  fi
}

install_engine() {
  say 'installing the Docker Engine from the distribution (docker.io, iptables)'
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io iptables >/dev/null
  if [ ! -e /etc/docker/daemon.json ]; then
    mkdir -p /etc/docker
    printf '{ "live-restore": true }\n' >/etc/docker/daemon.json
  fi
}

may_install() {
  line='apt-get update && apt-get install -y --no-install-recommends docker.io iptables'
  [ "$(id -u)" = 0 ] || die "no Docker Engine answers; as root, type:  $line"
  command -v apt-get >/dev/null || die 'no Docker Engine answers and this is no Debian: install one, then try again'
  if [ -t 0 ] && [ -t 1 ]; then
    printf 'setup: no Docker Engine answers. Install and start one now (%s)? [y/N] ' "$line"
    read -r answer
    case "$answer" in y | Y | yes) ;; *) die 'not installed; nothing was changed' ;; esac
  else
    say 'no Docker Engine answers, there is no terminal to ask on, and this is root: installing one'
  fi
}

ensure_engine() {
  socket=/var/run/docker.sock
  if engine_answers "$socket"; then return; fi
  if ! command -v dockerd >/dev/null; then
    may_install
    install_engine
  elif [ "$(id -u)" != 0 ]; then
    die 'the Docker Engine is installed but does not answer; as root, start it:  systemctl start docker'
  fi
  if ! engine_answers "$socket"; then start_engine; fi
  wait_for_engine "$socket"
  say 'the Docker Engine answers'
}

# The samples are built with it; the daemon does without.
ensure_command_line() {
  command -v docker >/dev/null || die 'a Docker Engine answers, but the docker command is missing: install docker.io'
}

ensure_browser() {
  if [ -x /usr/bin/chromium ]; then return; fi
  line='apt-get update && apt-get install -y --no-install-recommends chromium'
  [ "$(id -u)" = 0 ] || die "the tests need Chromium; as root, type:  $line"
  command -v apt-get >/dev/null || die 'the tests need /usr/bin/chromium, and this is no Debian: install it, then try again'
  if [ -t 0 ] && [ -t 1 ]; then
    printf 'setup: the tests need Chromium. Install it now (%s)? [y/N] ' "$line"
    read -r answer
    case "$answer" in y | Y | yes) ;; *) die 'not installed; nothing was changed' ;; esac
  fi
  say 'installing Chromium from the distribution'
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
}

install_packages
ensure_engine
ensure_command_line
if [ "${1:-}" = --with-browser ]; then ensure_browser; fi
