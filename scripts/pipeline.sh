#!/usr/bin/env bash
# The whole flow, small: draw faces, freeze them, train a few steps, export, transfer. A minute on two cores.
set -euo pipefail
export KAOGAE_WORKSPACE=${1:-kaogae-data/pipeline}

kaogae atelier --characters 8 --scenes 2 --seed 1 --out "$KAOGAE_WORKSPACE/drawn"      # 40 faces, 2 illustrations
kaogae dataset freeze drawn --from "$KAOGAE_WORKSPACE/drawn"                           # splits by character
kaogae train smoke --data drawn --name smoke                                           # a few steps of everything
kaogae export smoke --to onnx --out "$KAOGAE_WORKSPACE/smoke.onnx"                     # checked against PyTorch
kaogae transfer "$KAOGAE_WORKSPACE/drawn/scenes" --face all --to all --sheet \
  --model "$KAOGAE_WORKSPACE/smoke.onnx" --out "$KAOGAE_WORKSPACE/transferred"         # five pictures for each
