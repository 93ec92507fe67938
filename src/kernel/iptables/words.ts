/**
 * One word of a line that `iptables-restore` reads (add_param_to_argv in xshared.c). Throws for what no line can hold.
 */
export function quoteWord(word: string): string {
  if (/^[\w@%+=:,./!#[\]-]+$/.test(word)) return word
  if (/\p{Cc}/u.test(word)) {
    throw new TypeError(`${JSON.stringify(word)} holds control characters: no rule of iptables can`)
  }
  return `"${word.replace(/["\\]/g, '\\$&')}"`
}

/** The words of a line that `iptables-save` wrote: a quoted word bears a backslash before what needs one. */
export function splitWords(line: string): string[] {
  const words = line.match(/"(?:[^"\\]|\\.)*"|[^\s"]+/g) ?? []
  return words.map(word => (word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word))
}
