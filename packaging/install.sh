#!/bin/sh
# Installs eic, or upgrades it, from the packages in this script's directory.
set -eu
cd "$(dirname "$0")"

if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    exec apt-get -y -o DPkg::Lock::Timeout=300 install ./eic_*_"$(dpkg --print-architecture)".deb
fi
set -- ./eic-[0-9]*."$(uname -m)".rpm
# The SELinux module is for where there is a policy to put it into.
if rpm -q selinux-policy >/dev/null; then
    set -- "$@" ./eic-selinux-*.noarch.rpm
fi
exec rpm -U --replacepkgs "$@"
