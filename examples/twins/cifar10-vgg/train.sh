#!/bin/sh
# Trains this model again, into the folder given.
exec s2nn-hw train cifar10 --arch 48C3-A2-96C3-A2-160C3-160C3-A2-256C3-256C3-G-10 --weight-bits 2 --first-weight-bits 8 --last-weight-bits 8 --input-bits 6 --epochs 40 --seed 0 --surrogate s2nn --alpha 4.0 --beta 1.0 --learning-rate 0.03 --batch 128 --optimiser muon --weight-decay 0.0 --label-smoothing 0.05 --dropout 0.0 --augment 0.0 --crop 4 --flip --precision bfloat16 --twin -o "${1:?usage: train.sh FOLDER}"
