#!/bin/sh
# What the SSM Agent runs to install or upgrade. The document eic-package has put the
# release key into the file below, because a key out of this archive would prove nothing.
set -eu
key=/run/eic-release-key.gpg
if [ ! -s "$key" ]; then
    echo "eic: there is no release key in $key: run the document eic-package with the parameter key" >&2
    exit 1
fi
# The document names the version, so it is installed also in the place of a later one.
exec sh "$(dirname "$0")/packages.sh" --downgrade --key "$key"
