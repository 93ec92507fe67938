/*
 * The few functions of libuv that the addon uses. Node exports them from its executable; node-api-headers
 * does not declare them. Handles are opaque and sized at run time (uv_handle_size), so that one binary serves
 * every Node whatever the layout of uv_poll_t in its libuv. All of it is stable since libuv 1.19.
 */
#pragma once

#include <stddef.h>

struct uv_loop_s;
typedef struct uv_handle_s uv_handle_t;
typedef struct uv_poll_s uv_poll_t;
typedef void (*uv_close_cb)(uv_handle_t *handle);
typedef void (*uv_poll_cb)(uv_poll_t *handle, int status, int events);

enum { UV_POLL = 8 };                         /* uv_handle_type; module.c checks it by name */
enum { UV_READABLE = 1, UV_WRITABLE = 2 };    /* enum uv_poll_event */

size_t uv_handle_size(int type);
const char *uv_handle_type_name(int type);
void uv_handle_set_data(uv_handle_t *handle, void *data);
void *uv_handle_get_data(const uv_handle_t *handle);
void uv_close(uv_handle_t *handle, uv_close_cb callback);
int uv_poll_init(struct uv_loop_s *loop, uv_poll_t *handle, int fd);
int uv_poll_start(uv_poll_t *handle, int events, uv_poll_cb callback);
int uv_poll_stop(uv_poll_t *handle);
