#!/bin/sh
# Compile the engine: build.sh [RESULT], engine.wasm beside this file by default. Needs clang and lld, 14 or newer.
set -e
here=$(cd "$(dirname "$0")" && pwd)
sources="$here/engine.c $here/kernels.h $here/sampling.h $here/constants.h"
hash=$(cat $sources | sha256sum | cut -d ' ' -f 1)
clang --target=wasm32 -msimd128 -mbulk-memory -O3 -ffreestanding -nostdlib -std=gnu11 -Wall -Wextra -Werror \
  -DSOURCE="\"$hash\"" -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=65536 \
  -o "${1:-$here/engine.wasm}" "$here/engine.c"
