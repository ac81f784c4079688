#!/bin/sh
# Trains this model again, into the folder given.
exec s2nn-hw train mnist --hidden 256 256 --weight-bits 4 --input-bits 1 --epochs 150 --seed 0 --surrogate s2nn --alpha 4.0 --beta 1.0 --learning-rate 0.002 --batch 256 --optimiser muon --weight-decay 0.0 --label-smoothing 0.0 --dropout 0.0 --augment 1.0 --crop 0 --precision float32 --twin -o "${1:?usage: train.sh FOLDER}"
