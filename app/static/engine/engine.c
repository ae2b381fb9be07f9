// A Music Transformer's decoding in WebAssembly: tokens in, logits and the next token out.
//
// The arithmetic is that of musictx.model; grammar and filters are those of musictx.events.grammar and
// musictx.sampling.filters, where they are explained. No library: memory only grows, JavaScript lends sine, cosine and
// exponential. `build.sh` compiles it; `engine.js` calls it.

#include "kernels.h"
#include "sampling.h"

#pragma clang fp reassociate(on) // sums may be vectorised

// Positions to a page: long rows of memory are read twice as fast as many short ones.
enum { PAGE = 1024, MAX_PAGES = 128, MAX_LAYERS = 64 };
enum { NO_MODEL = 1, CUT = 2, NO_MEMORY = 3, TOO_LARGE = 4 }; // what `open` answers besides 0

IMPORT(sin) double sine(double);
IMPORT(cos) double cosine(double);

typedef struct { // a model file begins with this; the tensors follow, each at a multiple of 16 bytes
  char magic[8];
  int32_t bits;                                          // of the linear maps: 8 or 32
  int32_t vocabulary, layers, width, heads, key_heads, feed_forward; // as many of keys and values as of queries
  int32_t sinusoids, learned, rotations, slopes, distances; // how order enters the model; 0: not in this way
  int32_t clamp, window, norm, norm_first, activation; // far distances always clamp, the norm always comes first
  float gain, epsilon;
  int32_t spare[3];
} Header;
typedef struct {
  const float *weight, *bias;
} Norm;
typedef struct { // rows of one head's numbers: of 32 bits, or, where weights have 8, of 16 with a scale each
  const float *numbers, *scale;
  const int16_t *halves;
} Rows;
typedef struct {
  Matrix qkv, out, up, down;
  Norm attention_norm, feed_forward_norm;
  Rows table; // relative embeddings [heads, distances, head width], by falling distance
} Layer;

static const Header *model;
static Layer layers[MAX_LAYERS];
static Matrix head;
static Norm last_norm;
static const float *embedding, *frequency, *learned, *slope;
static int head_width, up_rows, length; // numbers of one head; what the first of two maps gives; tokens seen

static char *pages[MAX_PAGES]; // keys and values of PAGE positions each [layers, heads, 2, PAGE, head width]
static int page_count;
static uint16_t input[BLOCK]; // tokens to come
static float *x, *h, *heads, *inner, *y; // [BLOCK, …]
static int16_t *rounded;
static float cosines[BLOCK * 128], sines[BLOCK * 128], scores[MAX_PAGES * PAGE + 8];

// ---- memory

extern char __heap_base;
static char *heap = &__heap_base;
static int lacking; // since a model was opened, a device has had too little memory

/// Memory for good, at a multiple of 16; null if the device has no more.
void *EXPORT(alloc)(int bytes) {
  char *start = (char *)(((uintptr_t)heap + 15) & ~(uintptr_t)15);
  uint64_t end = (uint64_t)(uintptr_t)start + (uint32_t)bytes, have = (uint64_t)__builtin_wasm_memory_size(0) << 16;
  if (end > 0xffff0000u || (end > have && __builtin_wasm_memory_grow(0, (end - have + 0xffff) >> 16) == (__SIZE_TYPE__)-1)) {
    lacking = 1;
    return 0;
  }
  heap = (char *)(uintptr_t)end;
  return start;
}

static float *room(int count) { return alloc(count * 4); }

// ---- the model file

static const char *cursor;

static const void *take(int bytes) {
  const void *at = cursor;
  cursor += (bytes + 15) & ~15;
  return at;
}

static float from_half(uint16_t half) {
  union { uint32_t bits; float value; } number = {(uint32_t)(half & 0x7fff) << 13};
  number.value *= 0x1p112f; // exponents of half precision are 112 lower
  number.bits |= (uint32_t)(half & 0x8000) << 16;
  return number.value;
}

/// The next tensor: as it stands in the file, or widened from half precision.
static const float *tensor(int count) {
  if (model->bits == 32) return take(count * 4);
  const uint16_t *halves = take(count * 2);
  float *wide = room(count);
  for (int i = 0; wide && i < count; i++) wide[i] = from_half(halves[i]);
  return wide;
}

/// The next tensor, in rows of one head.
static Rows head_rows(int count) {
  Rows rows = {.numbers = tensor(count * head_width)};
  if (model->bits == 32 || !count) return rows;
  int16_t *halves = alloc(count * head_width * 2);
  float *scale = room(count);
  for (int i = 0; halves && scale && i < count; i++)
    scale[i] = round_row(rows.numbers + i * head_width, head_width, 1, KEY_PEAK, halves + i * head_width);
  return (Rows){.halves = halves, .scale = scale};
}

static Matrix matrix(int rows, int columns) {
  Matrix m = {.rows = rows, .columns = columns};
  if (model->bits == 32) m.numbers = take(rows * columns * 4);
  else m.bytes = take(rows * columns), m.scale = take(rows * 4);
  return m;
}

static Norm norm(void) {
  Norm n = {0};
  if (model->norm) n.weight = tensor(model->width);
  if (model->norm == 1) n.bias = tensor(model->width);
  return n;
}

/// Forget all but the first tokens.
void EXPORT(rewind)(int kept) { length = kept; }

/// Take a model file that lies at `file`, which stays in use; 0, or why not.
int EXPORT(open)(const char *file, int bytes) {
  const Header *m = (const Header *)file;
  static const char magic[8] = "musictx1";
  for (int i = 0; i < 8; i++) if (bytes < (int)sizeof *m || m->magic[i] != magic[i]) return NO_MODEL;
  head_width = m->width / m->heads;
  if (m->width % 16 || m->feed_forward % 16 || head_width % 8 || m->layers > MAX_LAYERS || m->vocabulary != VOCABULARY_SIZE || head_width > 256 ||
      m->key_heads != m->heads || !m->norm_first) return TOO_LARGE;
  model = m, cursor = file + sizeof *m, page_count = 0, lacking = 0, rewind(0);
  int width = m->width, outputs = 3 * width;
  up_rows = m->feed_forward * (1 + (m->activation == SWIGLU));
  frequency = take((m->sinusoids + m->rotations) * 4), slope = take(m->slopes * 4);
  embedding = tensor(m->vocabulary * width), learned = tensor(m->learned * width);
  for (int i = 0; i < m->layers; i++) {
    Layer *layer = layers + i;
    layer->attention_norm = norm(), layer->qkv = matrix(outputs, width), layer->out = matrix(width, width);
    layer->feed_forward_norm = norm();
    layer->up = matrix(up_rows, width), layer->down = matrix(width, m->feed_forward);
    layer->table = head_rows(m->heads * m->distances);
  }
  last_norm = norm();
  head = matrix(m->vocabulary, width);
  if (cursor - file != bytes) return CUT;
  int widest = m->feed_forward > outputs ? m->feed_forward : outputs;
  x = room(BLOCK * width), h = room(BLOCK * width), y = room(BLOCK * width);
  heads = room(BLOCK * outputs), inner = room(BLOCK * up_rows), rounded = alloc(BLOCK * widest * 2);
  return lacking ? NO_MEMORY : 0;
}

// ---- the parts of a layer

static void normalise(const float *v, Norm norm, int n, float *result) {
  int width = model->width;
  for (int k = 0; k < n; k++, v += width, result += width) {
    float mean = 0, square = 0;
    if (model->norm == 1) {
      for (int i = 0; i < width; i++) mean += v[i];
      mean /= width;
    }
    for (int i = 0; i < width; i++) square += (v[i] - mean) * (v[i] - mean);
    float factor = 1 / __builtin_sqrtf(square / width + model->epsilon);
    if (norm.bias) for (int i = 0; i < width; i++) result[i] = (v[i] - mean) * factor * norm.weight[i] + norm.bias[i];
    else for (int i = 0; i < width; i++) result[i] = v[i] * factor * norm.weight[i];
  }
}

// Where a page keeps the keys (0) or values (1) of a head: numbers, or numbers of 16 bits and their scales.
static int shelf_size(void) { return PAGE * (model->bits == 32 ? 4 * head_width : 2 * head_width + 4); }
static char *shelf(int position, int layer, int a, int which) {
  return pages[position / PAGE] + ((layer * model->heads + a) * 2 + which) * shelf_size();
}
static float *shelf_scale(char *shelf) { return (float *)(shelf + PAGE * head_width * 2); }

/// Keep a key or a value. Values of 16 bits stand by turns with those of the position beside.
static void keep(const float *v, int position, int layer, int a, int which) {
  char *at = shelf(position, layer, a, which);
  int place = position % PAGE, d = head_width;
  if (model->bits == 32) for (int c = 0; c < d; c++) ((float *)at)[place * d + c] = v[c];
  else {
    int16_t *to = (int16_t *)at + (which ? (place & ~1) * d + (place & 1) : place * d);
    shelf_scale(at)[place] = round_row(v, d, 1 + which, which ? PEAK : KEY_PEAK, to);
  }
}

/// Scores of the keys of the positions from … to - 1, which share a page, with what their distances add.
static void score(int layer, int a, const float *q, const int16_t *q16, float q_scale, int from, int to, int position,
                  float beyond, float *s) {
  int d = head_width, size = model->distances, count = to - from, place = from % PAGE;
  int far = size ? position + 1 - size - from : 0; // so many keys lie beyond the table
  far = far < 0 ? 0 : far > count ? count : far;
  for (int j = 0; j < count + 3; j++) s[j] = j < far ? beyond : 0;
  char *keys = shelf(from, layer, a, 0);
  const Rows *table = &layers[layer].table;
  int row = (a + 1) * size - 1 - (position - from - far); // of the first key within the table
  if (model->bits == 32) {
    score32(q, (float *)keys + place * d, d, count, s);
    if (size && far < count) score32(q, table->numbers + row * d, d, count - far, s + far);
  } else {
    score16(q16, q_scale, (int16_t *)keys + place * d, shelf_scale(keys) + place, d, count, s);
    if (size && far < count) score16(q16, q_scale, table->halves + row * d, table->scale + row, d, count - far, s + far);
  }
}

/// Attention of one head's query at `position` over everything up to there.
static void attend(int layer, int a, float *q, int position, float *result) {
  int d = head_width, size = model->distances;
  int first = model->window && position + 1 > model->window ? position + 1 - model->window : 0;
  int start = first & ~3, count = position + 1 - start; // in fours; those before the window do not count
  int16_t q16[256];
  float beyond[4] = {0}, scale = 1 / __builtin_sqrtf(d), q_scale = 0;
  for (int c = 0; c < d; c++) q[c] *= scale;
  if (model->bits == 8) q_scale = round_row(q, d, 1, d > 64 ? PEAK * 64 / d : PEAK, q16);
  const Rows *table = &layers[layer].table;
  if (size) {
    if (model->bits == 32) score32(q, table->numbers + a * size * d, d, 1, beyond);
    else score16(q16, q_scale, table->halves + a * size * d, table->scale + a * size, d, 1, beyond);
  }
  for (int from = start, to; from <= position; from = to) {
    to = (from / PAGE + 1) * PAGE;
    if (to > position + 1) to = position + 1;
    score(layer, a, q, q16, q_scale, from, to, position, beyond[0], scores + from - start);
  }
  if (model->slopes) for (int j = 0; j < count; j++) scores[j] -= slope[a] * (position - start - j);
  for (int j = 0; j < first - start; j++) scores[j] = -1e30f;
  float total = soften(scores, count);
  for (int c = 0; c < d; c++) result[c] = 0;
  for (int from = start, to; from <= position; from = to) {
    to = (from / CHUNK + 1) * CHUNK;
    if (to > position + 1) to = position + 1;
    char *values = shelf(from, layer, a, 1);
    int at = from % PAGE, n = to - from;
    const float *weight = scores + from - start;
    if (model->bits == 32) mix32((float *)values + at * d, weight, d, n, result);
    else mix16((int16_t *)values + at * d, shelf_scale(values) + at, weight, d, n, result);
  }
  for (int c = 0; c < d; c++) result[c] /= total;
}

/// Turn each pair (i, i + d/2) by the position's angles.
static void turn(float *v, const float *cosine, const float *sine) {
  int half = head_width / 2;
  for (int c = 0; c < half; c++) {
    float a = v[c], b = v[c + half];
    v[c] = a * cosine[c] - b * sine[c];
    v[c + half] = b * cosine[c] + a * sine[c];
  }
}

static void attention(int layer, int n) {
  const Header *m = model;
  int d = head_width;
  for (int k = 0; k < n; k++) {
    float *mine = heads + k * 3 * m->width;
    if (m->rotations)
      for (int a = 0; a < 2 * m->heads; a++)
        turn(mine + a * d, cosines + k * m->rotations, sines + k * m->rotations);
    for (int a = 0; a < m->heads; a++)
      for (int which = 0; which < 2; which++) keep(mine + (1 + which) * m->width + a * d, length + k, layer, a, which);
    for (int a = 0; a < m->heads; a++) attend(layer, a, mine + a * d, length + k, y + k * m->width + a * d);
  }
}

/// The activation of `n` rows of what the first map gives, in place, one after the other.
static void activate(float *v, int n) {
  int size = model->feed_forward, count = n * size;
  switch (model->activation) {
    case GELU: for (int i = 0; i < count; i += 4) put(v + i, gelu(four(v + i))); break;
    case RELU: for (int i = 0; i < count; i++) v[i] = v[i] > 0 ? v[i] : 0; break;
    case RELU_SQUARED: for (int i = 0; i < count; i++) v[i] = v[i] > 0 ? v[i] * v[i] : 0; break;
    case SWIGLU:
      for (int k = 0; k < n; k++, v += size)
        for (int i = 0; i < size; i += 4) put(v + i, swish(four(v + k * size + i)) * four(v + (k + 1) * size + i));
  }
}

static void add(float *v, const float *more, int count) {
  for (int i = 0; i < count; i++) v[i] += more[i];
}

/// What the tokens and their places are before the first layer.
static void embed(int n) {
  const Header *m = model;
  for (int k = 0; k < n; k++) {
    int position = length + k;
    float *to = x + k * m->width;
    const float *from = embedding + input[k] * m->width;
    for (int i = 0; i < m->width; i++) to[i] = from[i];
    if (m->learned) add(to, learned + position * m->width, m->width);
    for (int i = 0; i < m->sinusoids; i++) {
      float angle = position * frequency[i]; // rounded to 32 bits, as in training
      to[i] += (float)sine(angle), to[i + m->sinusoids] += (float)cosine(angle);
    }
    for (int i = 0; i < m->rotations; i++) {
      float angle = position * frequency[i];
      cosines[k * m->rotations + i] = (float)cosine(angle) * m->gain;
      sines[k * m->rotations + i] = (float)sine(angle) * m->gain;
    }
  }
}

static int make_pages(int end) {
  int bytes = model->layers * model->heads * 2 * shelf_size();
  for (; page_count * PAGE < end; page_count++)
    if (page_count == MAX_PAGES || !(pages[page_count] = alloc(bytes))) return 0;
  return 1;
}

/// Put the logits of what follows into `logits`: what follows the k-th of the tokens that `feed` took last.
void EXPORT(predict)(int k) {
  normalise(x + k * model->width, last_norm, 1, h);
  product(&head, h, 1, rounded, logits);
}

/// Take the first `n` tokens of `input`; the logits of what follows are in `logits`. 0 if there is no room.
int EXPORT(feed)(int n) {
  const Header *m = model;
  if ((m->learned && length + n > m->learned) || !make_pages(length + n)) return 0;
  embed(n);
  for (int i = 0; i < m->layers; i++) {
    const Layer *layer = layers + i;
    int count = n * m->width;
    normalise(x, layer->attention_norm, n, h);
    product(&layer->qkv, h, n, rounded, heads);
    attention(i, n);
    product(&layer->out, y, n, rounded, h);
    add(x, h, count);
    normalise(x, layer->feed_forward_norm, n, h);
    product(&layer->up, h, n, rounded, inner);
    activate(inner, n);
    product(&layer->down, inner, n, rounded, h);
    add(x, h, count);
  }
  length += n;
  predict(n - 1);
  return 1;
}

int EXPORT(seen)(void) { return length; }
void *EXPORT(input_place)(void) { return input; }
int EXPORT(block)(void) { return BLOCK; }

/// The hash of these sources, by which a test knows whether the compiled file is theirs.
const void *EXPORT(source_place)(void) { return SOURCE; }
