/* RFC 1071. Sums are of 16-bit words as they lie in memory, so that they may be stored as they are. */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

typedef uint16_t __attribute__((aligned(1), may_alias)) word16;
typedef uint32_t __attribute__((aligned(1), may_alias)) word32;

/* Not yet folded. Of words of 32 bits, which the compiler turns into vectors: a sum of them folds to the same. */
static inline uint64_t sum_bytes(const void *data, size_t length) {
  const word32 *words = data;
  uint64_t sum = 0;
  for (size_t i = 0; i < length / 4; i++) sum += words[i];
  const uint8_t *rest = (const uint8_t *)data + length / 4 * 4;
  if (length & 2) sum += *(const word16 *)rest, rest += 2;
  /* The last odd byte is the first of a word that ends with zero. */
  if (length & 1) sum += ntohs((uint16_t)(*rest << 8));
  return sum;
}

static inline uint16_t fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)sum;
}

/* Addresses, protocol and length, as TCP and UDP sum them; `length` of the segment with its header. */
static inline uint64_t sum_pseudo_header(uint32_t source, uint32_t destination, uint8_t protocol, size_t length) {
  return (uint64_t)source + destination + htons(protocol) + htons((uint16_t)length);
}
