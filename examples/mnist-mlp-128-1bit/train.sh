#!/bin/sh
# Trains this model again, into the folder given.
exec s2nn-hw train mnist --hidden 128 --weight-bits 1 --input-bits 1 --epochs 250 --seed 0 --surrogate s2nn --alpha 4.0 --beta 1.0 --learning-rate 0.02 --batch 256 --optimiser muon --weight-decay 0.0 --label-smoothing 0.0 --dropout 0.0 --augment 0.7 --crop 0 --precision float32 -o "${1:?usage: train.sh FOLDER}"
