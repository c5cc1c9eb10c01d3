#!/usr/bin/env bash
# Installs what the tests run on: Debian's servers by apt-get, Apache Kafka's jars by Maven into build/kafka/libs.
# What is there already is left alone. Where apt-get cannot be used, one message says all that is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly JARS=build/kafka/libs
missing=()  # Debian packages

want() { # want COMMAND PACKAGE...
    command -v "$1" >/dev/null || missing+=("${@:2}")
}

java_major() {
    java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p'
}

want redis-server redis-server
want redis-cli redis-tools
want promtool prometheus
want mvn maven
[ "$(java_major 2>/dev/null || true)" -ge 17 ] 2>/dev/null || missing+=(default-jre-headless)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
[ ! -d tests/browser ] || want chromium chromium

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Debian starts a server when it installs it, unless this file says no.
readonly POLICY=/usr/sbin/policy-rc.d
keep_services_stopped() {
    [ ! -e "$POLICY" ] || return 0
    trap 'as_root rm -f "$POLICY"' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
}

apt_install() {
    keep_services_stopped
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

tell() {
    cat >&2 <<MESSAGE
The tests need programs that are not here, and apt-get cannot be used as root to install them.
Install these (Debian's names), then run this again: ${missing[*]}
MESSAGE
    exit 1
}

if [ "${#missing[@]}" -gt 0 ]; then
    command -v apt-get >/dev/null || tell
    as_root true 2>/dev/null || tell
    echo "apt-get installs: ${missing[*]}"
    apt_install "${missing[@]}"
fi

if [ ! -e "$JARS/.complete" ] || [ tests/servers/pom.xml -nt "$JARS/.complete" ]; then
    echo "Maven fetches Apache Kafka into $JARS"
    rm -rf "$JARS"
    mkdir -p "$JARS"
    mvn -q -B -ntp -f tests/servers/pom.xml dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$PWD/$JARS"
    touch "$JARS/.complete"
fi
