#!/usr/bin/env bash
# The paper, from faces to its figures and tables: Table I, Figures 3 and 4, Table II, all on one page.
#
#   scripts/reproduce.sh --scale tiny|cpu|gpu [--data SET]... [--threads N] [WORKSPACE]
#
# tiny  two minutes on two cores: every part, learning nothing (a test runs it)
# cpu   baseline and proposal with 8 channels at 64 px, as in docs/claim.md: an hour on two cores
# gpu   both as published: 250,000 iterations each at 192 px
#
# Without --data, faces are drawn. The paper's own set: docs/dataset.md, "The paper's recipe", then --data paper.
# Stopped, the same command goes on.
set -euo pipefail
usage() { sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }
scale= sets=() threads=() workspace=
while [ $# -gt 0 ]; do
  case $1 in
    --scale) scale=${2-}; shift 2 || usage ;;
    --data) sets+=("${2-}"); shift 2 || usage ;;
    --threads) threads=(--threads "${2-}"); shift 2 || usage ;;
    -*) usage ;;
    *) [ -z "$workspace" ] || usage; workspace=$1; shift ;;
  esac
done

narrow=(--set generator.width=8 --set discriminator_width=8 --set stored_size=74 --set image_size=64
  --set augment.crop=0.864864865 --set augment.shift=0.078125 --set batch=8
  --set optimiser.generator_rate=1e-3 --set optimiser.discriminator_rate=1e-3)
case $scale in
  tiny) characters=20 size=74 share=0.4 count=10 votes=1
    settings=("${narrow[@]}" --set generator.width=4 --set discriminator_width=4 --set iterations=10 --set batch=4
      --set log_every=1 --set samples_every=10 --set save_every=10) ;;
  cpu) characters=600 size=74 share=0.1 count=100 votes=3
    settings=("${narrow[@]}" --set iterations=8000 --set log_every=10 --set save_every=500 --set samples_every=1000) ;;
  gpu) characters=1100 size=224 share=0.1 count=100 votes=3 settings=() ;;
  *) usage ;;
esac
export KAOGAE_WORKSPACE=$(realpath -m "${workspace:-kaogae-data/reproduced-$scale}")
place=$KAOGAE_WORKSPACE

# Table I: the faces
if [ ${#sets[@]} -eq 0 ]; then
  sets=(faces)
  if [ ! -e "$place/sets/faces" ]; then
    kaogae atelier --out "$place/drawn" --characters $characters --seed 2000000 --size $size
    kaogae dataset freeze faces --from "$place/drawn" --size $size --test $share --validation 0.1
  fi
fi
data=() on=()
for set in "${sets[@]}"; do data+=(--data "$set") on+=(--set "$set"); done

# Figure 3: StarGAN as it was, and as the paper changed it
for preset in baseline paper; do
  kaogae train $preset "${data[@]}" --name $preset "${settings[@]}" "${threads[@]}"
done
kaogae train plot baseline paper --out "$place/figure-3"

# Table II by the judge, Figure 4, and everything else, on one page
kaogae evaluate baseline paper "${on[@]}" --set drawn --count $count "${threads[@]}" --report "$place/report"
kaogae evaluate compare paper baseline "${on[@]}" --count $count "${threads[@]}"

# Table II by people: a blind panel, which waits for their votes
if ! kaogae label status table-ii >/dev/null 2>&1; then
  kaogae evaluate panel table-ii baseline paper "${on[@]:0:2}" --count $count --annotators $votes
fi
echo "Read $place/report/index.html. For people's votes: kaogae label serve --invite NAME, then"
echo "kaogae evaluate votes table-ii, all with --workspace $place."
