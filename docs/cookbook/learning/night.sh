#!/bin/sh
# The night's job with a model that improves: sh night.sh 2026-10-09T06:00:00Z
set -eu   # the first step that fails ends the night; to run it again asks for the same and sends nothing twice
at=$1; day=${at%%T*}; url=${LEDGER:-sqlite:///messages.db}
mkdir -p log shadow

# 1. What happened. The same events again change nothing.
journeykit ledger events "$url" --events events.csv --max-bad 1%

# 2. What it did. Code 5 is a guard that tripped: its campaigns are paused below, and the night goes on.
month=$(date -u -d "$at - 30 days" +%Y-%m-%dT%H:%M:%SZ)
journeykit measure playbook.yaml --ledger "$url" --since "$month" --until "$at" --guards-out guards.json || [ $? = 5 ]

# 3. Today's scores, by the model in use; and those of the candidate, which decides beside it and sends nothing.
journeykit score playbook.yaml --model model.skops --contacts contacts.csv --ledger "$url" --at "$at" --out scores.csv
if [ -f candidate.skops ]; then
  journeykit score playbook.yaml --model candidate.skops --contacts contacts.csv --ledger "$url" --at "$at" --out new.csv
  journeykit decide playbook.yaml --contacts contacts.csv --scores new.csv --guards guards.json --at "$at" \
    --ledger "$url" --dry-run --all --out "shadow/$day.parquet"
fi

# 4. Decide and reserve, with chances; send; confirm; free what nobody confirmed.
journeykit decide playbook.yaml --contacts contacts.csv --scores scores.csv --guards guards.json --at "$at" \
  --ledger "$url" --run "$day" --max-bad 1% --all --out "log/$day.parquet"
./send "log/$day.parquet"
journeykit ledger confirm "$url" --decisions "log/$day.parquet"
journeykit ledger expire "$url" --before "$day"T00:00:00Z
