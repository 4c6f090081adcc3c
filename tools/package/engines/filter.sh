#!/bin/bash
# One part of a batch, on any machine: paths or records in, records out. It ends with 0 unless another
# run can help: what failed for good (65) is in the records. av-machines(7) has engines that run it.
set -o pipefail
# PySpark passes no environment on.
export HOME=${HOME:-~}
av-validate | av-upload --unique-names || [ $? -eq 65 ]
