/* Building text in fixed memory. Nothing here allocates; what does not fit sets `overflow` and is cut. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct text {
  char *data;
  size_t length, size;
  bool overflow;
};

void text_add_bytes(struct text *text, const void *data, size_t length);
void text_add(struct text *text, const char *string);
void text_add_number(struct text *text, unsigned long number);
/* `key=value` and a NUL. */
void text_add_pair(struct text *text, const char *key, const char *value);
/* With quotes, escaped (RFC 8259 section 7). Bytes that are not valid UTF-8 in form become '?'. */
void text_add_json(struct text *text, const char *string);

/* "ENOENT"; a number this shim has no name for is "E<number>". Writes into `name`, of at least 16 bytes. */
const char *errno_name(int number, char *name);
