/** Strings and what stands between values; numbers and words carry no keys. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|\n/g

export interface KeyLines {
  /** By dotted path, `Backend.VNI`; 1 for the first line. */
  readonly lines: ReadonlyMap<string, number>
  /** A path that is there twice, of which a parser would keep the last and not tell. */
  readonly twice?: string
}

/** Where each key of an object and of the objects in it stands. @param json valid JSON */
export function keyLines(json: string): KeyLines {
  const lines = new Map<string, number>()
  const holders: string[] = []
  let line = 1
  let text = { value: '', line }
  let path = ''
  let twice: string | undefined
  for (const [token] of json.matchAll(TOKENS)) {
    if (token === '\n') line += 1
    else if (token === '{' || token === '[') holders.push(path)
    else if (token === '}' || token === ']') path = holders.pop() ?? ''
    else if (token === ',') path = holders.at(-1) ?? ''
    else if (token === ':') {
      path = [holders.at(-1) ?? '', String(JSON.parse(text.value))].filter(part => part !== '').join('.')
      if (lines.has(path)) twice ??= path
      lines.set(path, text.line)
    } else text = { value: token, line }
  }
  return twice === undefined ? { lines } : { lines, twice }
}
