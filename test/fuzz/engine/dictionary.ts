import type { InstrumentedModule } from './hook.ts'

/** Longer texts are messages for people. */
const TEXT_MAX = 24

/**
 * The constants of the modules as bytes: texts as UTF-8, numbers in digits and in 1, 2, 4 bytes of either order.
 * With `names`, the keys of their objects too.
 */
export function dictionaryOf(modules: Iterable<InstrumentedModule>, names: boolean): Uint8Array[] {
  const words = new Map<string, Uint8Array>()
  for (const module of modules) {
    for (const constant of [...module.constants, ...(names ? module.names : [])]) {
      for (const word of wordsOf(constant)) words.set(word.toString('hex'), word)
    }
  }
  return [...words.values()]
}

function wordsOf(constant: string | number | bigint): Buffer[] {
  if (typeof constant === 'string') {
    return constant === '' || constant.length > TEXT_MAX ? [] : [Buffer.from(constant)]
  }
  const value = Number(constant)
  const digits = Buffer.from(String(constant))
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) return [digits]
  const [big, little] = [Buffer.alloc(4), Buffer.alloc(4)]
  big.writeUInt32BE(value)
  little.writeUInt32LE(value)
  const lengths = value > 0xffff ? [4] : value > 0xff ? [2, 4] : [1, 2, 4]
  return [digits, ...lengths.flatMap(length => [big.subarray(4 - length), little.subarray(0, length)])]
}
