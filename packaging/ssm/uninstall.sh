#!/bin/sh
# Removes eic, and eic's lines from sshd's configuration.
set -eu

if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    exec apt-get -y -o DPkg::Lock::Timeout=300 purge eic
fi
if rpm -q eic-selinux >/dev/null; then
    rpm -e eic-selinux
fi
exec rpm -e eic
