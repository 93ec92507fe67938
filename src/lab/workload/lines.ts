import type { Socket } from 'node:net'

/** Calls `onLine` for each line that arrives, without its newline; a line longer than 64 MiB ends the socket. */
export function readLines(socket: Socket, onLine: (line: string) => void): void {
  const limit = 64 * 1024 * 1024
  let rest = ''
  socket.setEncoding('utf8')
  socket.on('data', chunk => {
    rest += String(chunk)
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end)
      rest = rest.slice(end + 1)
      onLine(line)
    }
    if (rest.length > limit) socket.destroy(new Error('a line is too long'))
  })
}
