/* How the C code reports a refused system call: which call, which errno. No call below prints or exits. */
#pragma once

struct failure {
  int number;       /* errno, 0 while nothing failed */
  const char *call; /* name of the system call: "setns" */
};

/* Keeps errno and the call's name; returns -1 so that callers can write `return failed(...)`. */
int failed(struct failure *failure, const char *call);
