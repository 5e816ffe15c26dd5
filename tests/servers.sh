#!/usr/bin/env bash
# Make sure of the programs that server suites need; `make test` calls this before pytest. Fast when all is there.
#   Kafka suites: Java 17+ and Maven, unless SWITCHBOARD_TEST_KAFKA names a running Kafka.
#   Browser suites: Debian's Chromium.
#   Tests of power loss: strace.
# As root with apt-get the Debian packages are installed; otherwise the command to install them is printed, and the suites
# that need them are skipped (SWITCHBOARD_REQUIRE_SERVERS=1: this script fails).
set -euo pipefail

say() { printf 'servers: %s\n' "$*"; }

java_is_new_enough() {
    local version
    version=$(java -version 2>&1 | sed -nE 's/.* version "([0-9]+).*/\1/p' | head -n 1) || return 1
    [[ -n "$version" && "$version" -ge 17 ]]
}

missing=()
needed_for=()

if [[ -n "${SWITCHBOARD_TEST_KAFKA:-}" ]]; then
    say "Kafka: the one at \$SWITCHBOARD_TEST_KAFKA"
else
    before=${#missing[@]}
    java_is_new_enough || missing+=(default-jre-headless)
    command -v mvn >/dev/null || missing+=(maven)
    if [[ ${#missing[@]} -gt $before ]]; then
        needed_for+=("Kafka")
    else
        say "Kafka: Java and Maven are there"
    fi
fi

if [[ -x /usr/bin/chromium ]]; then
    say "browser: Chromium is there"
else
    missing+=(chromium)
    needed_for+=("browser")
fi

if [[ -x /usr/bin/strace ]]; then
    say "power loss: strace is there"
else
    missing+=(strace)
    needed_for+=("power loss")
fi

if [[ ${#missing[@]} -eq 0 ]]; then
    exit 0
fi

install="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
if [[ "$(id -u)" -eq 0 ]] && command -v apt-get >/dev/null; then
    say "installing ${missing[*]} (for ${needed_for[*]}; a minute or two) ..."
    export DEBIAN_FRONTEND=noninteractive
    if (apt-get -qq update && apt-get -qq install -y --no-install-recommends "${missing[@]}") >/dev/null 2>&1; then
        say "installed"
        exit 0
    fi
    say "installing failed; to see why: $install"
else
    say "${needed_for[*]} suites need ${missing[*]}. Install them with: sudo sh -c '$install'"
fi

if [[ "${SWITCHBOARD_REQUIRE_SERVERS:-0}" != "0" ]]; then
    say "SWITCHBOARD_REQUIRE_SERVERS is set, so this is a failure"
    exit 1
fi
say "going on without; those suites will be skipped"
