"""Stage 4, upscale: CARN and CARN-M, which enhance faces that were drawn small."""
