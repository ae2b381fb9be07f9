// Written by `python -m musictx.export.constants`, from the Python that says what each of them means.

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
enum { LONGEST_REST = 800 };
enum { LONGEST_NOTE = 1000 };
enum { STRETCHES = 3 };
enum { REMEMBERED = 32 };
enum { GELU, RELU, RELU_SQUARED, SWIGLU };
static const int stretches[STRETCHES][4] = {{200, 8, 3, 8}, {400, 16, 4, 8}, {800, 32, 6, 0}}; // steps, notes, keys, aside
