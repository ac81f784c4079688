#!/bin/sh
# Trains this model again, into the folder given.
exec s2nn-hw train mnist --arch 32C3-P2-64C3-P2-10 --weight-bits 4 --input-bits 2 --epochs 25 --seed 0 --surrogate s2nn --alpha 4.0 --beta 1.0 --learning-rate 0.03 --batch 64 --optimiser muon --weight-decay 0.0 --label-smoothing 0.0 --dropout 0.0 --augment 0.75 --crop 0 --twin -o "${1:?usage: train.sh FOLDER}"
