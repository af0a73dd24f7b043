#!/bin/sh
# The SSM Agent runs this to install or upgrade eic. The document eic-package has written
# the release key to the file below. A key from this archive would prove nothing.
set -eu
key=/run/eic-release-key.gpg
if [ ! -s "$key" ]; then
    echo "eic: no release key in $key: run the document eic-package with the parameter key" >&2
    exit 1
fi
# The document names the version, so install it even over a later one.
exec sh "$(dirname "$0")/packages.sh" --downgrade --key "$key"
