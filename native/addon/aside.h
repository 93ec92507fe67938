/* Threads for one piece of work each, beside the event loop and the libuv pool. Plain C. */
#pragma once

/*
 * Runs `run` on a detached thread with a small stack; 0, or an errno. Where there is a choice it is not on the caller's
 * processor: many virtual machines let a thread begin only when the caller there has to wait.
 */
int aside_start(void *(*run)(void *data), void *data);
