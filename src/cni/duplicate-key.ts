/** Strings and what stands between values; numbers and words carry no keys. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]/g

/**
 * The first key that an object under the key `holder` has twice; a parser keeps the last of them and does not tell.
 *
 * @param json valid JSON
 */
export function duplicateKey(json: string, holder: string): string | undefined {
  const open: { readonly holder: string; readonly keys: Set<string> }[] = []
  let text = ''
  let key = ''
  for (const [token] of json.matchAll(TOKENS)) {
    if (token === '{' || token === '[') {
      open.push({ holder: token === '{' ? key : '', keys: new Set() })
      key = ''
    } else if (token === '}' || token === ']') open.pop()
    else if (token === ',') key = ''
    else if (token === ':') {
      key = JSON.parse(text)
      const inside = open.at(-1)
      if (inside?.holder === holder && inside.keys.has(key)) return key
      inside?.keys.add(key)
    } else text = token
  }
  return undefined
}
