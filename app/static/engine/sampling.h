// What may come next and the filters on it: musictx.events.grammar, musictx.events.loops and musictx.sampling.filters.

#pragma once
#include "constants.h"
#include "kernels.h"

#define EXPORT(name) __attribute__((export_name(#name))) name
#define IMPORT(name) __attribute__((import_module("math"), import_name(#name)))

enum { NEVER = -(1 << 30) };

IMPORT(exp) double exponential(double);

static float logits[VOCABULARY_SIZE + 1]; // of the next token
static struct {
  uint8_t sounding[128];
  int level, after_velocity, after_short_shift, rest, clock;
  int wait; // steps of the primer's end in which nothing comes any more
  int lowest_on, lowest_off, struck; // within this step
  int max_note, max_rest; // steps after which a note must be released, and something must happen
  int struck_at[128]; // when each key was struck last
  uint8_t aside[128]; // for how many notes each key is set aside, after a loop on it
  int broken[LOOP_RULES]; // by how many notes of the primer all the same: as many again lift the rule
  int notes_at[REMEMBERED], notes; // when the last notes were struck, in a ring, and how many there were
  int chord_at; // when the last chord began
  uint8_t worn[LOOP_RULES][128]; // what was worn then
} piece;
static uint8_t allowed[VOCABULARY_SIZE];

/// Begin a piece: nothing sounds.
void EXPORT(begin)(int max_note, int max_rest) {
  __builtin_memset(&piece, 0, sizeof piece);
  piece.level = -1;
  piece.max_note = max_note;
  piece.max_rest = max_rest;
  piece.rest = -NEVER; // what is played begins with a note
  piece.chord_at = NEVER;
  for (int i = 0; i < 128; i++) piece.struck_at[i] = piece.notes_at[i % REMEMBERED] = NEVER;
}

/// The primer goes on for so many steps in which nothing comes any more.
void EXPORT(wait)(int steps) { piece.wait = steps; }

/// Whether a key was struck for too long, with nothing but a few others beside it; a chord is refused whole or not at all.
static int worn(int key, int rule) {
  if (piece.clock < piece.chord_at + CHORD) return piece.worn[rule][key];
  int since = piece.clock - loop_rules[rule][0], notes = loop_rules[rule][1], keys = 0;
  if (piece.broken[rule] >= notes || piece.struck_at[key] <= since) return 0;
  if (piece.notes_at[(piece.notes + REMEMBERED - notes + 1) % REMEMBERED] <= since) return 0; // the next makes the number
  for (int p = 0; p < 128; p++) keys += piece.struck_at[p] > since;
  return keys <= loop_rules[rule][2];
}

/// Whether a key was struck for too long by any of the rules.
static int worn_out(int key) {
  int any = 0;
  for (int s = 0; s < LOOP_RULES; s++) any |= worn(key, s);
  return any;
}

/// Take a note into what the rules against loops know.
static void strike(int pitch) {
  if (piece.clock >= piece.chord_at + CHORD) {
    for (int s = 0; s < LOOP_RULES; s++)
      for (int p = 0; p < 128; p++) piece.worn[s][p] = worn(p, s);
    piece.chord_at = piece.clock;
  }
  int loops_on = worn_out(pitch);
  for (int s = 0; s < LOOP_RULES; s++) piece.broken[s] += worn(pitch, s);
  for (int p = 0; p < 128; p++) {
    piece.aside[p] -= piece.aside[p] > 0;
    for (int s = 0; s < LOOP_RULES && !loops_on; s++)
      if (worn(p, s) && piece.aside[p] < loop_rules[s][3]) piece.aside[p] = loop_rules[s][3];
  }
  piece.struck_at[pitch] = piece.notes_at[piece.notes++ % REMEMBERED] = piece.clock;
}

/// Take the next token into the piece; an ungrammatical one is taken as it is.
void EXPORT(advance)(int token) {
  piece.after_velocity = token >= VELOCITY && token < PAD;
  if (token < TIME_SHIFT) {
    int pitch = token % NOTE_OFF, is_on = token < NOTE_OFF;
    piece.sounding[pitch] = is_on;
    piece.struck |= is_on;
    *(is_on ? &piece.lowest_on : &piece.lowest_off) = pitch + 1;
    if (is_on) strike(pitch);
    piece.rest = piece.after_short_shift = 0;
  } else if (token < VELOCITY) {
    int steps = token - TIME_SHIFT + 1;
    piece.rest += piece.wait < steps ? steps - piece.wait : 0; // the primer's own rest does not count
    piece.clock += steps;
    piece.wait = piece.wait > steps ? piece.wait - steps : 0;
    piece.after_short_shift = steps < MAX_SHIFT;
    piece.lowest_on = piece.lowest_off = piece.struck = 0;
  } else if (token < PAD) {
    piece.level = token - VELOCITY;
  }
}

/// The pitch from `lowest_off` on that has sounded too long, or 128.
static int overdue(void) {
  int pitch = piece.struck ? 128 : piece.lowest_off;
  while (pitch < 128 && !(piece.sounding[pitch] && piece.clock - piece.struck_at[pitch] >= piece.max_note)) pitch++;
  return pitch;
}

/// Which tokens may come next.
static void allow(void) {
  int free = 0, first_overdue = overdue();
  __builtin_memset(allowed, 0, sizeof allowed);
  for (int i = piece.wait < MAX_SHIFT ? piece.wait : MAX_SHIFT; piece.wait && i <= MAX_SHIFT; i++) allowed[TIME_SHIFT + i - 1] = 1;
  if (piece.wait) return;
  if (!piece.after_velocity && first_overdue < 128) { // offs come by rising pitch: those up to it are open
    for (int p = piece.lowest_off; p <= first_overdue; p++) allowed[NOTE_OFF + p] = piece.sounding[p];
    return;
  }
  for (int p = piece.lowest_on; p < 128; p++) {
    int open = !piece.sounding[p] && !piece.aside[p] && !worn_out(p);
    free |= open;
    allowed[NOTE_ON + p] = piece.level >= 0 && open;
  }
  if (piece.after_velocity) return;
  for (int p = piece.lowest_off; !piece.struck && p < 128; p++) allowed[NOTE_OFF + p] = piece.sounding[p];
  int room = piece.max_rest - piece.rest < MAX_SHIFT ? piece.max_rest - piece.rest : MAX_SHIFT;
  for (int i = 0; !piece.after_short_shift && i < room; i++) allowed[TIME_SHIFT + i] = 1;
  for (int i = VELOCITY; free && i < PAD; i++) allowed[i] = i != VELOCITY + piece.level || piece.level < 0;
  allowed[END] = 1;
}

/// Sort tokens by falling probability, equal ones by rising number.
static void sort(const double *p, uint16_t *order, int count) {
  static const int gaps[] = {132, 57, 23, 10, 4, 1};
  for (int g = 0; g < 6; g++)
    for (int i = gaps[g]; i < count; i++) {
      uint16_t token = order[i];
      int at = i;
      for (; at >= gaps[g]; at -= gaps[g]) {
        uint16_t before = order[at - gaps[g]];
        if (p[before] > p[token] || (p[before] == p[token] && before < token)) break;
        order[at] = before;
      }
      order[at] = token;
    }
}

/// Draw the next token; -1 if the logits are no numbers. `uniform` lies in [0, 1).
int EXPORT(choose)(double uniform, double temperature, int top_k, double top_p, double min_p, int may_end) {
  static double p[VOCABULARY_SIZE];
  static uint16_t order[VOCABULARY_SIZE];
  int likeliest = -1, count = 0;
  double total = 0, before = 0, kept = 0, reached = 0;
  allow();
  allowed[END] &= may_end;
  for (int i = 0; i < VOCABULARY_SIZE; i++) {
    if (!(logits[i] - logits[i] == 0)) return -1;
    if (allowed[i] && (likeliest < 0 || logits[i] > logits[likeliest])) likeliest = i;
  }
  if (temperature == 0) return likeliest;
  for (int i = 0; i < VOCABULARY_SIZE; i++) {
    p[i] = allowed[i] ? exponential(((double)logits[i] - logits[likeliest]) / temperature) : 0;
    total += p[i];
    if (p[i] > 0) order[count++] = i;
  }
  for (int i = 0; i < VOCABULARY_SIZE; i++) p[i] /= total;
  double least = min_p * p[likeliest];
  if (top_k || top_p < 1) {
    sort(p, order, count);
    for (int rank = 0; rank < count; rank++) { // up to and with the token that reaches top_p
      double mine = p[order[rank]];
      if (before >= top_p || (top_k && rank >= top_k)) p[order[rank]] = 0;
      before += mine;
    }
  }
  for (int i = 0; i < VOCABULARY_SIZE; i++) kept += p[i] = p[i] < least ? 0 : p[i];
  for (int i = 0; i < VOCABULARY_SIZE; i++)
    if ((reached += p[i]) > uniform * kept) return i;
  return likeliest; // rounding put the last one out of reach
}

void *EXPORT(allowed_place)(void) {
  allow();
  return allowed;
}
void *EXPORT(logits_place)(void) { return logits; }
