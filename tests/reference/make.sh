#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Writes tests/reference/data/*.npz and *.txt with PyTorch 1.13.1 (Debian: apt-get install python3-torch). One topic: make.sh TOPIC.
set -eu
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1
python=${PYTHON:-/usr/bin/python3}
for topic in ${*:-distributions elementwise reductions grad_fn init training optim unused lr_scheduler clip layers hooks corpus tensor_ops state checkpoints names distributed}; do
  echo "$topic:"
  "$python" "$topic.py"
done
