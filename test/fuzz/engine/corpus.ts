import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** The inputs that are kept of one target. */
export interface Corpus {
  /** Inputs that reach different parts of the decoder. */
  readonly inputs: readonly Uint8Array[]
  /** Inputs that broke it once, kept for good. */
  readonly crashes: readonly Uint8Array[]
}

const CRASH_MARK = 'crash '
const BASE64_MARK = 'base64 '

/** One input a line: a JSON string if the bytes are plain text, else base64; `crash` stands before those. */
function formatCorpus({ inputs, crashes }: Corpus): string {
  const lines = [...crashes.map(input => CRASH_MARK + formatInput(input)), ...inputs.map(formatInput)]
  return lines.map(line => `${line}\n`).join('')
}

/** Throws SyntaxError for a line that is none of ours. */
function parseCorpus(text: string): Corpus {
  const lines = text.split('\n').filter(line => line !== '')
  return {
    inputs: lines.filter(line => !isCrash(line)).map(parseInput),
    crashes: lines.filter(isCrash).map(line => parseInput(line.slice(CRASH_MARK.length))),
  }
}

function isCrash(line: string): boolean {
  return line.startsWith(CRASH_MARK)
}

/** Empty if there is no such file. */
export function readCorpus(file: string): Corpus {
  return existsSync(file) ? parseCorpus(readFileSync(file, 'utf8')) : { inputs: [], crashes: [] }
}

export function writeCorpus(file: string, corpus: Corpus): void {
  writeFileSync(file, formatCorpus(corpus))
}

export function formatInput(input: Uint8Array): string {
  const text = Buffer.from(input).toString('utf8')
  const isPlain = /^[\n\t\x20-\x7e]*$/.test(text)
  return isPlain ? JSON.stringify(text) : BASE64_MARK + Buffer.from(input).toString('base64')
}

function parseInput(line: string): Uint8Array {
  if (line.startsWith(BASE64_MARK)) return Buffer.from(line.slice(BASE64_MARK.length), 'base64')
  const text: unknown = JSON.parse(line)
  if (typeof text !== 'string') throw new SyntaxError(`a corpus line is no string: ${line.slice(0, 80)}`)
  return Buffer.from(text)
}
