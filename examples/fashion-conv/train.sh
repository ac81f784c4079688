#!/bin/sh
# Trains this model again, into the folder given.
exec s2nn-hw train fashion-mnist --arch 32C3-P2-64C3-P2-128C3-P2-10 --weight-bits 4 --input-bits 4 --epochs 25 --seed 0 --surrogate triangle --alpha 4.0 --beta 1.0 --learning-rate 0.01 --batch 128 --weight-decay 0.0 --label-smoothing 0.0 --dropout 0.0 --augment 0.0 --crop 1 --flip -o "${1:?usage: train.sh FOLDER}"
