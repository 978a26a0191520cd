"""The atelier: draws anime characters as SVG, in every expression, with exact truth beside each picture."""
