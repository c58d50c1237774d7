/*
 * A JSON parser that knows nothing of sabmalloc: it allocates a block for each value, each text and each list, as C programs
 * do. JavaScript reads and changes what it builds, so the layout below is the interface (tree.ts has it too).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *malloc(size_t bytes);
void *realloc(void *block, size_t bytes);
void free(void *block);

#define EXPORT(name) __attribute__((export_name(#name)))

enum kind { KIND_NULL, KIND_FALSE, KIND_TRUE, KIND_NUMBER, KIND_TEXT, KIND_LIST, KIND_OBJECT };

struct value {
  uint32_t kind;
  /* Bytes of a text, elements of a list, members of an object. */
  uint32_t length;
  union {
    double number;
    char *text;
    struct value **elements;
    struct member *members;
  };
};

struct member {
  char *name;
  uint32_t name_length;
  struct value *value;
};

enum { DEPTH_MAX = 200, CAPACITY_FIRST = 4 };

struct parser {
  const char *at;
  const char *end;
  uint32_t depth;
};

/* Where the last text of this thread was wrong: bytes from its beginning. */
static _Thread_local uint32_t error_offset;

EXPORT(json_error_offset) uint32_t json_error_offset(void) { return error_offset; }

/* Frees a value and everything below it. */
EXPORT(json_drop) void json_drop(struct value *value) {
  if (value == NULL) return;
  if (value->kind == KIND_TEXT) free(value->text);
  if (value->kind == KIND_LIST) {
    for (uint32_t i = 0; i < value->length; i++) json_drop(value->elements[i]);
    free(value->elements);
  }
  if (value->kind == KIND_OBJECT) {
    for (uint32_t i = 0; i < value->length; i++) {
      free(value->members[i].name);
      json_drop(value->members[i].value);
    }
    free(value->members);
  }
  free(value);
}

static void skip_space(struct parser *parser) {
  while (parser->at < parser->end) {
    char c = *parser->at;
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    parser->at++;
  }
}

static bool skip(struct parser *parser, char c) {
  skip_space(parser);
  if (parser->at == parser->end || *parser->at != c) return false;
  parser->at++;
  return true;
}

static bool skip_word(struct parser *parser, const char *word) {
  const char *at = parser->at;
  for (; *word != '\0'; word++, at++)
    if (at == parser->end || *at != *word) return false;
  parser->at = at;
  return true;
}

static struct value *make(enum kind kind) {
  struct value *value = malloc(sizeof(struct value));
  if (value != NULL) *value = (struct value){.kind = kind};
  return value;
}

static bool is_digit(const struct parser *parser) {
  return parser->at < parser->end && *parser->at >= '0' && *parser->at <= '9';
}

static double digits(struct parser *parser, uint32_t *count) {
  double number = 0;
  for (*count = 0; is_digit(parser); ++*count) number = number * 10 + (*parser->at++ - '0');
  return number;
}

/* Correct to the last few bits: enough for prices, not for a library. */
static struct value *parse_number(struct parser *parser) {
  bool negative = skip_word(parser, "-");
  uint32_t count, places = 0;
  double number = digits(parser, &count);
  if (count == 0) return NULL;
  if (skip_word(parser, ".")) {
    double fraction = digits(parser, &places);
    if (places == 0) return NULL;
    double scale = 1;
    for (uint32_t i = 0; i < places; i++) scale *= 10;
    number += fraction / scale;
  }
  struct value *value = make(KIND_NUMBER);
  if (value != NULL) value->number = negative ? -number : number;
  return value;
}

/* The bytes between two quotes, without \u; NULL where that is wrong. */
static char *parse_quoted(struct parser *parser, uint32_t *length) {
  if (!skip(parser, '"')) return NULL;
  const char *from = parser->at;
  while (parser->at < parser->end && *parser->at != '"') parser->at += *parser->at == '\\' ? 2 : 1;
  if (parser->at >= parser->end) return NULL;
  char *text = malloc(parser->at - from);
  if (text == NULL) return NULL;
  *length = 0;
  for (const char *at = from; at < parser->at; at++) {
    char c = *at;
    if (c == '\\') {
      c = *++at;
      c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
    }
    text[(*length)++] = c;
  }
  parser->at++;
  return text;
}

static struct value *parse_value(struct parser *parser);

static struct value *parse_text(struct parser *parser) {
  struct value *value = make(KIND_TEXT);
  if (value == NULL) return NULL;
  value->text = parse_quoted(parser, &value->length);
  if (value->text != NULL) return value;
  free(value);
  return NULL;
}

/* The list with room for one more, which may have moved; NULL if there is no room. Lists grow as they are read. */
static void *grow(void *list, uint32_t length, size_t element_bytes) {
  bool is_full = length == 0 || (length >= CAPACITY_FIRST && (length & (length - 1)) == 0);
  if (!is_full) return list;
  size_t capacity = length == 0 ? CAPACITY_FIRST : 2 * (size_t)length;
  return realloc(list, capacity * element_bytes);
}

static bool parse_element(struct parser *parser, struct value *list) {
  struct value **elements = grow(list->elements, list->length, sizeof(struct value *));
  if (elements == NULL) return false;
  list->elements = elements;
  struct value *element = parse_value(parser);
  if (element == NULL) return false;
  list->elements[list->length++] = element;
  return true;
}

static bool parse_member(struct parser *parser, struct value *object) {
  struct member *members = grow(object->members, object->length, sizeof(struct member));
  if (members == NULL) return false;
  object->members = members;
  struct member member = {0};
  member.name = parse_quoted(parser, &member.name_length);
  if (member.name == NULL) return false;
  if (skip(parser, ':')) member.value = parse_value(parser);
  if (member.value == NULL) {
    free(member.name);
    return false;
  }
  object->members[object->length++] = member;
  return true;
}

static struct value *parse_many(struct parser *parser, enum kind kind, char close) {
  parser->at++;
  struct value *value = make(kind);
  if (value == NULL || skip(parser, close)) return value;
  do {
    if (!(kind == KIND_LIST ? parse_element : parse_member)(parser, value)) {
      json_drop(value);
      return NULL;
    }
  } while (skip(parser, ','));
  if (skip(parser, close)) return value;
  json_drop(value);
  return NULL;
}

static struct value *parse_one(struct parser *parser) {
  skip_space(parser);
  if (parser->at == parser->end) return NULL;
  switch (*parser->at) {
  case '{': return parse_many(parser, KIND_OBJECT, '}');
  case '[': return parse_many(parser, KIND_LIST, ']');
  case '"': return parse_text(parser);
  case 'n': return skip_word(parser, "null") ? make(KIND_NULL) : NULL;
  case 't': return skip_word(parser, "true") ? make(KIND_TRUE) : NULL;
  case 'f': return skip_word(parser, "false") ? make(KIND_FALSE) : NULL;
  default: return parse_number(parser);
  }
}

static struct value *parse_value(struct parser *parser) {
  if (parser->depth == DEPTH_MAX) return NULL;
  parser->depth++;
  struct value *value = parse_one(parser);
  parser->depth--;
  return value;
}

/*
 * The value that `length` bytes of JSON say, or NULL if they are wrong or memory is out. Takes the text over: whoever
 * allocated it, it is free afterwards.
 */
EXPORT(json_parse) struct value *json_parse(char *text, uint32_t length) {
  struct parser parser = {text, text + length, 0};
  struct value *value = parse_value(&parser);
  skip_space(&parser);
  if (value == NULL || parser.at != parser.end) {
    error_offset = parser.at - text;
    json_drop(value);
    value = NULL;
  }
  free(text);
  return value;
}
