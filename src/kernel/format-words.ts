/** Words of commands for people. */

export function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`
}

export function words(...parts: readonly (string | false | undefined)[]): string {
  return parts.filter(part => typeof part === 'string' && part !== '').join(' ')
}

/** One word of a shell, whatever the text holds: names come from outside. */
export function quote(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text
  if (/^[ -~]*$/.test(text) && !text.includes("'")) return `'${text}'`
  const escaped = [...Buffer.from(text)].map(byte => {
    const char = String.fromCharCode(byte)
    return /[^ -~]|['\\]/.test(char) ? `\\x${byte.toString(16).padStart(2, '0')}` : char
  })
  return `$'${escaped.join('')}'`
}
