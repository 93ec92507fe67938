/** IFNAMSIZ - 1: a name and its final zero fill 16 bytes. */
const MAX_BYTES = 15

/**
 * Why this text cannot name a network interface; undefined if it can. The rules are the kernel's (`dev_valid_name` in
 * net/core/dev.c).
 */
export function linkNameFault(text: string): string | undefined {
  const bytes = Buffer.byteLength(text)
  if (bytes === 0) return 'it is empty'
  if (bytes > MAX_BYTES) return `it has ${bytes} bytes, at most ${MAX_BYTES} are allowed`
  if (text === '.' || text === '..') return 'it names a directory'
  if (/[/:\s\0]/.test(text)) return "it holds '/', ':' or white space"
  return undefined
}
