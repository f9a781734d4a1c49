#!/usr/bin/env bash
# Makes the corpus the targets start from: the requests that real clients sent (tests/golden/wire), and the files of seeds/.
# The suite replays the same files; what a target finds is kept as a file of seeds/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
bytes() { printf '%b' "$(sed 's/../\\x&/g')"; }
for codec in protobuf text; do
    folder=corpus/${codec}_request
    mkdir -p "$folder"
    grep -hv '^ ' ../tests/golden/wire/requests-"$codec"-*.hex | while read -r hex; do
        name=$(printf '%s' "$hex" | sha256sum | cut -c1-16)
        bytes <<<"$hex" >"$folder/$name"
    done
done
mkdir -p corpus/frames corpus/telegram_updates
for seed in seeds/frames/*.hex; do
    bytes <"$seed" >"corpus/frames/$(basename "$seed" .hex)"
done
cp seeds/telegram_updates/*.json corpus/telegram_updates/
echo "seeded: $(find corpus -type f | wc -l) files"
