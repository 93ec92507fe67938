#include "text.h"

#include <errno.h>
#include <string.h>

void text_add_bytes(struct text *text, const void *data, size_t length) {
  size_t room = text->size - text->length;
  if (length > room) {
    text->overflow = true;
    length = room;
  }
  memcpy(text->data + text->length, data, length);
  text->length += length;
}

void text_add(struct text *text, const char *string) { text_add_bytes(text, string, strlen(string)); }

void text_add_number(struct text *text, unsigned long number) {
  char digits[24];
  size_t at = sizeof digits;
  do digits[--at] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  text_add_bytes(text, digits + at, sizeof digits - at);
}

void text_add_pair(struct text *text, const char *key, const char *value) {
  text_add(text, key);
  text_add(text, "=");
  text_add_bytes(text, value, strlen(value) + 1);
}

/*
 * Length of the UTF-8 sequence at `at`, 0 if there is none (RFC 3629; overlong forms and surrogates refused).
 */
static size_t utf8_length(const unsigned char *at) {
  size_t length = 0;
  if (at[0] < 0x80) length = 1;
  else if (at[0] >= 0xc2 && at[0] < 0xf5) length = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
  for (size_t i = 1; i < length; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f)) return 0;
  if ((at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f)) return 0;
  return length;
}

static void add_escaped(struct text *text, unsigned char c) {
  static const char hex[] = "0123456789abcdef";
  const char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
  text_add_bytes(text, escape, sizeof escape);
}

void text_add_json(struct text *text, const char *string) {
  text_add(text, "\"");
  for (const unsigned char *at = (const unsigned char *)string; *at != '\0';) {
    size_t length = utf8_length(at);
    if (length == 0) text_add(text, "?");
    else if (*at < 0x20 || *at == '"' || *at == '\\' || *at == 0x7f) add_escaped(text, *at);
    else text_add_bytes(text, at, length);
    at += length == 0 ? 1 : length;
  }
  text_add(text, "\"");
}

const char *errno_name(int number, char *name) {
  static const struct {
    unsigned char number;
    char name[13];
  } names[] = {
      {EPERM, "EPERM"},   {ENOENT, "ENOENT"}, {EACCES, "EACCES"},   {EINVAL, "EINVAL"},
      {EMFILE, "EMFILE"}, {ENFILE, "ENFILE"}, {ENOSPC, "ENOSPC"},   {ENOMEM, "ENOMEM"},
      {EIO, "EIO"},       {ELOOP, "ELOOP"},   {ENOTDIR, "ENOTDIR"}, {EROFS, "EROFS"},
      {EPIPE, "EPIPE"},   {EBADF, "EBADF"},   {EDQUOT, "EDQUOT"},   {ENXIO, "ENXIO"},
      {EEXIST, "EEXIST"}, {EISDIR, "EISDIR"}, {ENOBUFS, "ENOBUFS"}, {EMSGSIZE, "EMSGSIZE"},
      {ENODEV, "ENODEV"}, {EBUSY, "EBUSY"},   {EPROTO, "EPROTO"},   {ENOEXEC, "ENOEXEC"},
      {ETIMEDOUT, "ETIMEDOUT"}, {ECONNRESET, "ECONNRESET"}, {ECONNREFUSED, "ECONNREFUSED"},
      {ENAMETOOLONG, "ENAMETOOLONG"},
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].number == number) return memcpy(name, names[i].name, sizeof names[i].name);
  struct text text = {name, 0, 15, false};
  text_add(&text, "E");
  text_add_number(&text, (unsigned long)number);
  name[text.length] = '\0';
  return name;
}
