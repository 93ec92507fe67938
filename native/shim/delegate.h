/* A plugin that the agent wants run, such as an address plugin of somebody else: only the shim may, being root. */
#pragma once

#include <stddef.h>

#include "deadline.h"

/*
 * Runs it with this process's environment. `order`: NUL-terminated strings (the plugin's name, then `CNI_KEY=value`
 * for each variable that is to be another), an empty one, then its standard input; it is written to. The plugin is
 * looked for in the directories of CNI_PATH, by name only. Puts its exit code and its standard output into `answer`.
 * Returns the length of the answer, or -1 with errno: EPROTO (no order), ENOENT (no such plugin), ETIMEDOUT (it was
 * killed), EMSGSIZE (more output than fits) or what a system call said.
 */
long delegate_run(char *order, size_t length, const struct deadline *deadline, unsigned char *answer, size_t size);
