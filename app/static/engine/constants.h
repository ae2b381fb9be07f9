// Written by `app/constants.py`, from the Python that says what each of them means.

#pragma once
enum { NOTE_ON = 0 };
enum { NOTE_OFF = 128 };
enum { TIME_SHIFT = 256 };
enum { VELOCITY = 356 };
enum { PAD = 388 };
enum { START = 389 };
enum { END = 390 };
enum { VOCABULARY_SIZE = 391 };
enum { MAX_SHIFT = 100 };
enum { LOOP_RULES = 3 };
enum { REMEMBERED = 32 };
enum { CHORD = 5 };
enum { GELU, RELU, RELU_SQUARED, SWIGLU };
static const int loop_rules[LOOP_RULES][4] = {{200, 8, 3, 8}, {400, 16, 4, 8}, {800, 32, 6, 0}}; // steps, notes, keys, aside
