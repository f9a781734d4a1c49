#!/usr/bin/env bash
# Makes the seed corpus: the requests that real clients sent, a file each, from tests/golden/wire.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
for codec in protobuf text; do
    folder=corpus/${codec}_request
    mkdir -p "$folder" corpus/frames
    grep -hv '^ ' ../tests/golden/wire/requests-"$codec"-*.hex | while read -r hex; do
        name=$(printf '%s' "$hex" | sha256sum | cut -c1-16)
        printf '%b' "$(sed 's/../\\x&/g' <<<"$hex")" >"$folder/$name"
    done
done
mkdir -p corpus/telegram_updates
printf '{"ok":true,"result":[{"update_id":1,"message":{"from":{"id":7},"chat":{"id":-5},"date":1700000000,"text":"/status"}}]}' \
    >corpus/telegram_updates/status
printf 'API\0\0\0\0\tv100..222' >corpus/frames/handshake
echo "seeded: $(find corpus -type f | wc -l) files"
