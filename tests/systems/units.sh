#!/usr/bin/env bash
# The systemd units as they are installed, in the eyes of systemd.
#
#   units.sh CASE WAITPROF UNITS
set -euo pipefail

readonly waitprof=$2 units=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail()
{
    echo "$*"
    exit 1
}

need_systemd()
{
    command -v systemd-analyze >/dev/null || { echo "skipped: no systemd-analyze"; exit 77; }
}

# Instances of the templates that start the command of this build.
make_instances()
{
    local template name
    for template in "$units"/*@.service; do
        name=${template##*/}
        sed "s,^ExecStart=[^ ]*,ExecStart=$waitprof," "$template" >"$scratch/${name/@/@root}"
    done
}

systemd_accepts_the_units()
{
    local unit
    need_systemd
    make_instances
    # The drop-in belongs to some service.
    printf '[Service]\nExecStart=/bin/sleep 1\n' >"$scratch/served.service"
    mkdir "$scratch/served.service.d"
    cp "$units/waitprof.conf" "$scratch/served.service.d"
    for unit in "$scratch"/*.service; do
        systemd-analyze --man=no verify "$unit" >"$scratch/said" 2>&1 ||
            fail "${unit##*/}: $(cat "$scratch/said")"
        # Unknown directives are not errors to it.
        ! grep -F "$scratch" "$scratch/said" || fail "${unit##*/}: see above"
    done
}

the_units_are_confined()
{
    local unit
    need_systemd
    make_instances
    for unit in "$scratch"/*.service; do
        systemd-analyze --no-pager --offline=true --threshold=30 security "$unit" \
            >"$scratch/said" 2>&1 || fail "${unit##*/}: $(tail -n 1 "$scratch/said")"
    done
}

# RemoveIPC=, which DynamicUser= implies, removes what the unit's user has in /dev/shm.
a_unit_that_stops_leaves_the_regions_alone()
{
    local unit
    for unit in "$units"/*.service; do
        ! grep -E '^(RemoveIPC|DynamicUser)=(yes|true|1|on)' "$unit" || fail "${unit##*/}: see above"
        grep -q '^ExecStart=' "$unit" || fail "${unit##*/} starts nothing"
    done
}

"$1"
