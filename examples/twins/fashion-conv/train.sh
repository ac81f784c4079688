#!/bin/sh
# Trains this model again, into the folder given.
exec s2nn-hw train fashion-mnist --arch 32C3-A2-64C3-A2-128C3-A2-10 --weight-bits 4 --input-bits 4 --epochs 25 --seed 0 --surrogate s2nn --alpha 4.0 --beta 1.0 --learning-rate 0.03 --batch 64 --optimiser muon --weight-decay 0.0 --label-smoothing 0.0 --dropout 0.0 --augment 0.0 --crop 1 --flip --precision bfloat16 --twin -o "${1:?usage: train.sh FOLDER}"
