/** Numbers below `limit` that look random and are the same each time (the generator of Numerical Recipes). */
export function lcg(seed: number): (limit: number) => number {
  let state = seed
  return limit => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}
