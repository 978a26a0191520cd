#!/usr/bin/env bash
# The whole flow, small: collect from an image board of drawn pictures, find, enhance and freeze the faces, train a few
# steps, export, transfer. Two minutes on two cores. With Danbooru itself: leave out --root and --interval.
set -euo pipefail
export KAOGAE_WORKSPACE=$(realpath -m "${1:-kaogae-data/pipeline}")
cd "$(dirname "$0")/.."
exec 3< <(exec python scripts/drawn_board.py "$KAOGAE_WORKSPACE/board")
trap "kill $!" EXIT
read -r BOARD <&3

for expression in happy sad crying neutral surprised; do
  kaogae collect danbooru --expression $expression --root "$BOARD" --interval 0        # tags become labels
done
kaogae faces                                                                           # found, aligned, measured
kaogae weights fetch carn-m                                                            # once
kaogae upscale                                                                         # the small ones, by CARN-M
kaogae status                                                                          # what was kept, and why not
kaogae dataset freeze collected                                                        # splits by character
kaogae train smoke --data collected --name smoke                                       # a few steps of everything
kaogae export smoke --to onnx --out "$KAOGAE_WORKSPACE/smoke.onnx"                     # checked against PyTorch
kaogae transfer examples --to all --sheet --model "$KAOGAE_WORKSPACE/smoke.onnx" \
  --out "$KAOGAE_WORKSPACE/transferred"                                                # five pictures for each
