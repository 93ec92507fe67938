const OF_THE_CALL: ReadonlySet<string> = new Set(['cniVersion', 'prevResult', 'runtimeConfig'])

/**
 * True for a key that a runtime adds to a network's configuration, or sets anew, from call to call. `args` is none: a
 * list may have it of its own.
 */
export function isOfTheCall(key: string): boolean {
  return OF_THE_CALL.has(key) || key.startsWith('cni.dev/')
}
