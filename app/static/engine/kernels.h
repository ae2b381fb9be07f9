// Products, softmax and attention over rows of numbers, four at a time. Every row begins at a multiple of 16
// bytes and has a multiple of 4 numbers; of 16, where weights of 8 bits are read.

#pragma once
#include <stdint.h>
#include <wasm_simd128.h>

#define UNROLLED static inline __attribute__((always_inline))

enum { BLOCK = 16 };              // positions that go through the model together, at most
enum { CHUNK = 32, PEAK = 8191 }; // of so many keys, weights and values of this size have sums of 32 bits
enum { KEY_PEAK = 16383 };        // with queries up to PEAK the same is true of up to 64 products

typedef float F4 __attribute__((vector_size(16)));
typedef v128_t I4; // four whole numbers of 32 bits, eight of 16 or sixteen of 8
typedef struct {
  const int8_t *bytes;  // weights of 8 bits, with a scale a row,
  const float *numbers; // or of 32
  const float *scale;
  int rows, columns;
} Matrix;

UNROLLED F4 four(const float *at) { return (F4)wasm_v128_load(at); }
UNROLLED void put(float *at, F4 v) { wasm_v128_store(at, (v128_t)v); }
UNROLLED F4 all(float number) { return (F4){number, number, number, number}; }
UNROLLED F4 larger(F4 a, F4 b) { return (F4)wasm_f32x4_pmax((v128_t)a, (v128_t)b); }
UNROLLED F4 nearest(F4 v) { return (F4)wasm_f32x4_nearest((v128_t)v); }
UNROLLED I4 whole(F4 v) { return wasm_i32x4_trunc_sat_f32x4((v128_t)v); }
UNROLLED I4 add_whole(I4 a, I4 b) { return wasm_i32x4_add(a, b); }
UNROLLED float largest(F4 v) {
  float a = v[0] > v[1] ? v[0] : v[1], b = v[2] > v[3] ? v[2] : v[3];
  return a > b ? a : b;
}

/// The sum of each of four vectors.
UNROLLED F4 sums(F4 a, F4 b, F4 c, F4 d) {
  F4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5) + __builtin_shufflevector(a, b, 2, 6, 3, 7);
  F4 cd = __builtin_shufflevector(c, d, 0, 4, 1, 5) + __builtin_shufflevector(c, d, 2, 6, 3, 7);
  return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}
UNROLLED F4 number(I4 v) { return (F4)wasm_f32x4_convert_i32x4(v); }
UNROLLED F4 sums_whole(const I4 *v) { return sums(number(v[0]), number(v[1]), number(v[2]), number(v[3])); }

// ---- a matrix and some rows

/// Products of `rows` rows of 8 bits with `n` rows of 16, rows · n = 4 or 8: four to a vector, by row of 16 first.
UNROLLED void tile8(const int8_t *w, const int16_t *v, int columns, int rows, int n, F4 *result) {
  I4 sum[8], low[4], high[4];
  for (int i = 0; i < rows * n; i++) sum[i] = wasm_i32x4_splat(0);
  for (int j = 0; j < columns; j += 16) {
    for (int r = 0; r < rows; r++) {
      I4 bytes = wasm_v128_load(w + r * columns + j);
      low[r] = wasm_i16x8_extend_low_i8x16(bytes), high[r] = wasm_i16x8_extend_high_i8x16(bytes);
    }
    for (int k = 0; k < n; k++) {
      I4 a = wasm_v128_load(v + k * columns + j), b = wasm_v128_load(v + k * columns + j + 8);
      for (int r = 0; r < rows; r++) {
        I4 both = add_whole(wasm_i32x4_dot_i16x8(low[r], a), wasm_i32x4_dot_i16x8(high[r], b));
        sum[k * rows + r] = add_whole(sum[k * rows + r], both);
      }
    }
  }
  for (int i = 0; i < rows * n; i += 4) result[i / 4] = sums_whole(sum + i);
}

/// The same for numbers of 32 bits.
UNROLLED void tile32(const float *w, const float *v, int columns, int rows, int n, F4 *result) {
  F4 sum[8];
  for (int i = 0; i < rows * n; i++) sum[i] = all(0);
  for (int j = 0; j < columns; j += 4)
    for (int k = 0; k < n; k++) {
      F4 a = four(v + k * columns + j);
      for (int r = 0; r < rows; r++) sum[k * rows + r] += four(w + r * columns + j) * a;
    }
  for (int i = 0; i < rows * n; i += 4) result[i / 4] = sums(sum[i], sum[i + 1], sum[i + 2], sum[i + 3]);
}

/// Round a row to whole numbers of 16 bits, the largest to `peak`; its scale is the answer. They are written
/// `stride` apart.
static float round_row(const float *v, int count, int stride, float peak, int16_t *rounded) {
  F4 top = all(1e-30f);
  for (int j = 0; j < count; j += 4) top = larger(top, (F4)wasm_f32x4_abs((v128_t)four(v + j)));
  F4 factor = all(peak / largest(top));
  for (int j = 0; j < count; j += 8) {
    I4 a = whole(nearest(four(v + j) * factor)), b = whole(nearest(four(v + j + 4) * factor));
    I4 both = wasm_i16x8_narrow_i32x4(a, b);
    if (stride == 1) wasm_v128_store(rounded + j, both);
    else for (int i = 0; i < 8; i++) rounded[(j + i) * stride] = ((int16_t *)&both)[i];
  }
  return largest(top) / peak;
}

UNROLLED void tile(const Matrix *m, const float *v, const int16_t *rounded, const float *scale, int row, int at,
                   int rows, int n, float *result) {
  F4 found[2];
  int columns = m->columns;
  if (m->bytes) tile8(m->bytes + row * columns, rounded + at * columns, columns, rows, n, found);
  else tile32(m->numbers + row * columns, v + at * columns, columns, rows, n, found);
  for (int k = 0; k < n; k++)
    for (int r = 0; r < rows; r++) {
      int i = k * rows + r;
      float factor = m->bytes ? m->scale[row + r] * scale[at + k] : 1;
      result[(at + k) * m->rows + row + r] = found[i / 4][i % 4] * factor;
    }
}

/// result = v · mᵀ for `n` rows of `v`, at most BLOCK; `rounded` is room for them in 16 bits.
static void product(const Matrix *m, const float *v, int n, int16_t *rounded, float *result) {
  float scale[BLOCK];
  int most = 0x7fffffff / 127 / (m->columns / 4); // each of a vector's four sums has a quarter of the products
  for (int k = 0; m->bytes && k < n; k++)
    scale[k] = round_row(v + k * m->columns, m->columns, 1, most < 32767 ? most : 32767, rounded + k * m->columns);
  for (int row = 0; row < m->rows; row += 4) {
    if (row > m->rows - 4) row = m->rows - 4; // the last four overlap those before
    int at = 0;
    for (; at + 4 <= n; at += 4) {
      tile(m, v, rounded, scale, row, at, 2, 4, result);
      tile(m, v, rounded, scale, row + 2, at, 2, 4, result);
    }
    for (; at < n; at++) tile(m, v, rounded, scale, row, at, 4, 1, result);
  }
}

// ---- attention of one head

/// 2 to the power of each number from -126 to 0.
UNROLLED F4 power(F4 t) {
  static const float rest[] = {1.3333558e-3f, 9.6181291e-3f, 5.5504109e-2f, 2.4022651e-1f, 6.9314718e-1f, 1};
  F4 f = t - nearest(t), p = all(1.5403530e-4f);
  for (int i = 0; i < 6; i++) p = p * f + all(rest[i]);
  return p * (F4)wasm_i32x4_shl(add_whole(whole(nearest(t)), wasm_i32x4_splat(127)), 23);
}

/// The activation GELU, with the error function of Abramowitz and Stegun, 7.1.26: within 1.5e-7.
UNROLLED F4 gelu(F4 v) {
  static const float factors[] = {-1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f};
  F4 size = (F4)wasm_f32x4_abs((v128_t)v) * all(0.70710678f), t = all(1) / (all(1) + all(0.3275911f) * size);
  F4 p = all(1.061405429f);
  for (int i = 0; i < 4; i++) p = p * t + all(factors[i]);
  F4 rest = p * t * power(larger(all(-126), size * size * all(-1.442695041f)));
  F4 erf = (F4)wasm_v128_bitselect((v128_t)(all(1) - rest), (v128_t)v, wasm_i32x4_splat(0x7fffffff));
  return v * all(0.5f) * (all(1) + erf);
}

/// v / (1 + exp(-v)).
UNROLLED F4 swish(F4 v) {
  F4 p = power(larger(all(-126), (F4)wasm_f32x4_abs((v128_t)v) * all(-1.442695041f)));
  F4 chance = (F4)wasm_v128_bitselect((v128_t)p, (v128_t)all(1), (v128_t)(v < all(0)));
  return v * chance / (all(1) + p);
}

/// Exponentials of `count` scores less the largest, in place; what they add up to. Up to three more become 0.
static float soften(float *s, int count) {
  for (int i = 0; i < 3; i++) s[count + i] = -1e30f;
  F4 top = four(s), total = all(0);
  for (int j = 4; j < count; j += 4) top = larger(top, four(s + j));
  F4 less = all(largest(top));
  for (int j = 0; j < count; j += 4) {
    F4 p = power(larger(all(-126), (four(s + j) - less) * all(1.442695041f)));
    put(s + j, p);
    total += p;
  }
  return total[0] + total[1] + total[2] + total[3];
}

/// Add to the scores of `count` successive keys, and of up to three more, a query's products with as many rows of
/// `d` numbers: the keys, or the relative embeddings of their distances.
static void score32(const float *q, const float *rows, int d, int count, float *s) {
  for (int j = 0; j < count; j += 4, rows += 4 * d) {
    F4 sum[4] = {all(0), all(0), all(0), all(0)};
    for (int c = 0; c < d; c += 4)
      for (int i = 0; i < 4; i++) sum[i] += four(q + c) * four(rows + i * d + c);
    put(s + j, four(s + j) + sums(sum[0], sum[1], sum[2], sum[3]));
  }
}

/// The same for rows of 16 bits with a scale each.
static void score16(const int16_t *q, float q_scale, const int16_t *rows, const float *scale, int d, int count, float *s) {
  for (int j = 0; j < count; j += 4, rows += 4 * d) {
    I4 sum[4];
    for (int i = 0; i < 4; i++) sum[i] = wasm_i32x4_splat(0);
    for (int c = 0; c < d; c += 8) {
      I4 part = wasm_v128_load(q + c);
      for (int i = 0; i < 4; i++)
        sum[i] = add_whole(sum[i], wasm_i32x4_dot_i16x8(part, wasm_v128_load(rows + i * d + c)));
    }
    put(s + j, four(s + j) + sums_whole(sum) * four(scale + j) * all(q_scale));
  }
}

/// Add the values of `count` keys, by weight, and of up to three more, whose weights are as good as 0.
static void mix32(const float *values, const float *weight, int d, int count, float *result) {
  for (int j = 0; j < count; j += 4, values += 4 * d)
    for (int c = 0; c < d; c += 4) {
      F4 sum = four(result + c);
      for (int i = 0; i < 4; i++) sum += all(weight[j + i]) * four(values + i * d + c);
      put(result + c, sum);
    }
}

UNROLLED void mix_pairs(const int16_t *values, const int16_t *weight, float scale, int d, int pairs, int wide,
                        float *result) {
  I4 sum[4];
  for (int i = 0; i < wide; i++) sum[i] = wasm_i32x4_splat(0);
  for (int j = 0; j < pairs; j++) {
    I4 both = wasm_v128_load32_splat(weight + 2 * j);
    for (int i = 0; i < wide; i++)
      sum[i] = add_whole(sum[i], wasm_i32x4_dot_i16x8(both, wasm_v128_load(values + 2 * j * d + 8 * i)));
  }
  for (int i = 0; i < wide; i++)
    put(result + 4 * i, four(result + 4 * i) + number(sum[i]) * all(scale));
}

/// The same for values of 16 bits with a scale each, those of two successive keys by turns; at most CHUNK keys.
static void mix16(const int16_t *values, const float *value_scale, const float *weight, int d, int count,
                  float *result) {
  float scaled[CHUNK] = {0};
  int16_t whole_weight[CHUNK];
  for (int j = 0; j < count; j += 4) put(scaled + j, four(weight + j) * four(value_scale + j));
  float scale = round_row(scaled, CHUNK, 1, PEAK, whole_weight);
  int c = 0, pairs = (count + 1) / 2;
  for (; c + 16 <= d; c += 16) mix_pairs(values + 2 * c, whole_weight, scale, d, pairs, 4, result + c);
  for (; c < d; c += 8) mix_pairs(values + 2 * c, whole_weight, scale, d, pairs, 2, result + c);
}
