import { PodlaceError } from '../../base/index.ts'

/** What a flag takes: `--iface eth0` may be given several times. */
export type FlagKind = 'text' | 'boolean' | 'list'

/** Values of flags by name; absent if they were neither given nor in the environment. */
export type FlagValues = ReadonlyMap<string, readonly string[]>

export function flagError(message: string): PodlaceError<{ readonly code: 'flanneld.flag' }> {
  return new PodlaceError('read the flags of flanneld', message, { code: 'flanneld.flag' })
}

/**
 * Reads flags as Go's package `flag` does, which flanneld's are: one hyphen or two, `-name=value` or `-name value`, a
 * boolean alone or with `=`; what is not given there is looked for in the environment, as `FLANNELD_` and the name in
 * capitals.
 *
 * @throws PodlaceError `flanneld.flag` for an unknown flag, a value that is missing, and words that are no flags
 */
export function readGoFlags(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  known: ReadonlyMap<string, FlagKind>,
): FlagValues {
  const values = new Map<string, string[]>()
  const rest = [...args]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [, name, , given] = /^--?([A-Za-z][^=]*)(=(.*))?$/s.exec(word) ?? []
    if (name === undefined) throw flagError(`expected flags such as --ip-masq, found ${JSON.stringify(word)}`)
    const kind = known.get(name)
    if (kind === undefined) throw flagError(`flanneld has no flag --${name}`)
    const value = given ?? (kind === 'boolean' ? 'true' : rest.shift())
    if (value === undefined) throw flagError(`--${name} needs a value`)
    put(values, name, kind, value)
  }
  for (const [name, kind] of known) {
    const value = environment[`FLANNELD_${name.toUpperCase().replaceAll('-', '_')}`]
    if (!values.has(name) && value !== undefined && value !== '') put(values, name, kind, value)
  }
  return values
}

function put(values: Map<string, string[]>, name: string, kind: FlagKind, value: string): void {
  if (kind !== 'boolean') values.set(name, kind === 'list' ? [...(values.get(name) ?? []), value] : [value])
  else {
    const truth = TRUTH.get(value.toLowerCase())
    if (truth === undefined)
      throw flagError(`--${name}: expected true or false, found ${JSON.stringify(value)}`)
    values.set(name, [String(truth)])
  }
}

/** strconv.ParseBool */
const TRUTH: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'true'].map(text => [text, true] as const),
  ...['0', 'f', 'false'].map(text => [text, false] as const),
])
