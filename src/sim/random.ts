/** Uniform in [0, 1), always the same sequence for one seed: sfc32 (Doty-Humphrey, PractRand), 128 bits of state. */
export function seededRandom(seed: number, stream = ''): () => number {
  let a = seed >>> 0
  let b = Math.floor(seed / 2 ** 32) >>> 0
  let c = textHash(stream)
  let counter = 1
  const next = () => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  // The first values still show how alike two seeds are.
  for (let round = 0; round < 12; round++) next()
  return next
}

/** FNV-1a over UTF-16 units, going on from `hash`. */
export function textHash(text: string, hash = 0x811c9dc5): number {
  let value = hash
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return value >>> 0
}
