"""Sums of constant weights as the smallest circuit of look-up tables, with its proof."""
