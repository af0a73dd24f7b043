#!/bin/sh
# Installs eic, or upgrades it, from the packages in this script's directory.
#
# --key KEYRING verifies them first: a key in KEYRING, a file from "gpg --export", must
# have signed SHA256SUMS, and SHA256SUMS must have the checksum of each package that is
# installed. --downgrade installs an earlier version over a later one.
# usage: install.sh [--downgrade] [--key KEYRING]
set -eu

downgrade='' key=''
while [ $# -gt 0 ]; do
    case "$1" in
    --downgrade) downgrade=yes ;;
    --key)
        key=$(realpath "${2:?--key needs a file}")
        shift
        ;;
    *)
        echo "usage: install.sh [--downgrade] [--key KEYRING]" >&2
        exit 2
        ;;
    esac
    shift
done
cd "$(dirname "$0")"

# Debian 13 and its derivatives have sqv instead of gpgv.
verify() {
    if command -v gpgv >/dev/null; then
        gpgv --keyring "$key" SHA256SUMS.asc SHA256SUMS
    elif command -v sqv >/dev/null; then
        sqv --keyring "$key" SHA256SUMS.asc SHA256SUMS
    else
        echo "install.sh: cannot verify the signature: neither gpgv nor sqv is installed; install gnupg" >&2
        return 1
    fi
    for package in "$@"; do
        awk -v name="${package#./}" '$2 == name' SHA256SUMS | sha256sum --check --strict
    done
}

if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    set -- ./eic_*_"$(dpkg --print-architecture)".deb
    [ -z "$key" ] || verify "$@"
    exec apt-get -y -o DPkg::Lock::Timeout=300 ${downgrade:+--allow-downgrades} install "$@"
fi
set -- ./eic-[0-9]*."$(uname -m)".rpm
# The SELinux module needs a policy that it extends.
if rpm -q selinux-policy >/dev/null; then
    set -- "$@" ./eic-selinux-*.noarch.rpm
fi
[ -z "$key" ] || verify "$@"
exec rpm -U --replacepkgs ${downgrade:+--oldpackage} "$@"
