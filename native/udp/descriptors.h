/* The descriptors of a configuration: whether they are what they should be, and how they are made ready. */
#pragma once

#include <stdbool.h>

#include "process.h"

/* Changes nothing. False with a reason of at most WHY_SIZE bytes. */
bool descriptors_fit(const struct generation *generation, char *why);
/* Sets what does not hurt a generation before. Fills `setting.udp_segmentation`. */
bool descriptors_prepare(struct generation *generation, char *why);
