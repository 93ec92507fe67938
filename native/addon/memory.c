#include <malloc.h>

#include "host.h"

/* memoryTrim(): malloc_trim(3), which other C libraries than glibc do not have. */
napi_value memory_trim(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return NULL;
}
