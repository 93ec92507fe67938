import { SPEC } from '../../configs.ts'
import type { Pod } from '../../pod.ts'

/** JSON that no plugin can read as a configuration: decoding fails, or there is no network in it. */
const DECODING = [6, 7] as const

export interface Call {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly config?: object | string | Uint8Array
}

export interface Row {
  readonly id: string
  readonly title: string
  readonly source: string
  /** What is wrong with the call, given a sound one. */
  readonly call: (
    sound: { readonly env: Record<string, string>; readonly config: Record<string, unknown> },
    pod: Pod,
  ) => Call
  readonly codes: readonly number[]
}

function variable(id: string, name: string, value: string, what: string): Row {
  return {
    id,
    title: `${name} ${what} is code 4`,
    source: SPEC.parameters,
    call: () => ({ env: { [name]: value } }),
    codes: [4],
  }
}

export const MALFORMED_VARIABLES: readonly Row[] = [
  variable('container-id-empty', 'CNI_CONTAINERID', '', 'that is empty'),
  variable('container-id-slash', 'CNI_CONTAINERID', 'a/b', 'with a slash'),
  variable('container-id-parent', 'CNI_CONTAINERID', '../x', 'that leaves a folder'),
  variable('container-id-dot', 'CNI_CONTAINERID', '.hidden', 'that begins with a dot'),
  variable('container-id-dash', 'CNI_CONTAINERID', '-x', 'that begins with a dash'),
  variable('container-id-space', 'CNI_CONTAINERID', 'a b', 'with a blank'),
  variable('container-id-newline', 'CNI_CONTAINERID', 'a\nb', 'with a line break'),
  variable('container-id-newline-at-end', 'CNI_CONTAINERID', 'ab\n', 'with a line break at its end'),
  variable('container-id-unicode', 'CNI_CONTAINERID', 'pöd', 'with a letter that is not ASCII'),
  variable('ifname-empty', 'CNI_IFNAME', '', 'that is empty'),
  variable('ifname-long', 'CNI_IFNAME', 'abcdefghijklmnop', 'of 16 characters'),
  variable('ifname-very-long', 'CNI_IFNAME', 'a'.repeat(4096), 'of 4096 characters'),
  variable('ifname-dot', 'CNI_IFNAME', '.', 'that is a dot'),
  variable('ifname-dots', 'CNI_IFNAME', '..', 'that is two dots'),
  variable('ifname-slash', 'CNI_IFNAME', 'a/b', 'with a slash'),
  variable('ifname-colon', 'CNI_IFNAME', 'eth0:1', 'with a colon'),
  variable('ifname-space', 'CNI_IFNAME', 'eth 0', 'with a blank'),
  variable('ifname-newline', 'CNI_IFNAME', 'eth0\n', 'with a line break'),
  variable('netns-empty', 'CNI_NETNS', '', 'that is empty'),
]

export const MALFORMED_CONFIGURATIONS: readonly Row[] = [
  config('empty-input', 'an empty configuration', () => '', DECODING),
  config('null', 'the configuration null', () => 'null', DECODING),
  config('list', 'a list as configuration', () => '[]', DECODING),
  config('text', 'a text as configuration', () => '"bridge"', DECODING),
  config('number', 'a number as configuration', () => '7', DECODING),
  config('truncated', 'a truncated configuration', sound => JSON.stringify(sound).slice(0, -5), DECODING),
  config('two-values', 'two configurations', sound => JSON.stringify(sound).repeat(2), DECODING),
  config('trailing', 'garbage behind the configuration', sound => `${JSON.stringify(sound)} x`, DECODING),
  config(
    'binary',
    'binary garbage',
    () => Uint8Array.from({ length: 4096 }, (_, index) => (index * 73 + 11) & 0xff),
    DECODING,
  ),
  config('zeros', 'zero bytes', () => new Uint8Array(4096), DECODING),
  config('comment', 'JSON with a comment', sound => `/* */ ${JSON.stringify(sound)}`, DECODING),
  config('deep', 'lists nested 100,000 deep', () => '['.repeat(100_000), DECODING),
  config('name-number', 'a name that is a number', sound => ({ ...sound, name: 7 }), DECODING),
  config('name-empty', 'an empty name', sound => ({ ...sound, name: '' }), [7]),
  config('name-slash', 'a name with a slash', sound => ({ ...sound, name: 'a/b' }), [7]),
  config('name-parent', 'a name that leaves a folder', sound => ({ ...sound, name: '../../x' }), [7]),
  config('name-dot', 'a name that begins with a dot', sound => ({ ...sound, name: '.x' }), [7]),
  config('name-newline', 'a name with a line break', sound => ({ ...sound, name: 'a\nb' }), [7]),
  config('name-zero', 'a name with a zero byte', sound => ({ ...sound, name: 'a\u0000b' }), [7]),
  config(
    'version-number',
    'a cniVersion that is a number',
    sound => ({ ...sound, cniVersion: 1 }),
    [1, 6, 7],
  ),
  config(
    'version-text',
    'a cniVersion that is none',
    sound => ({ ...sound, cniVersion: 'newest' }),
    [1, 4, 6, 7],
  ),
  config('version-future', 'a cniVersion of the future', sound => ({ ...sound, cniVersion: '99.0.0' }), [1]),
  config(
    'version-spaces',
    'a cniVersion with blanks',
    sound => ({ ...sound, cniVersion: ' 1.0.0 ' }),
    [1, 4, 6, 7],
  ),
]

function config(
  id: string,
  what: string,
  make: (sound: Record<string, unknown>) => object | string | Uint8Array,
  codes: readonly number[],
): Row {
  return {
    id,
    title: `${what} is refused with code ${codes.join(' or ')}`,
    source: `${SPEC.configuration}, ${SPEC.errors}`,
    call: sound => ({ config: make(sound.config) }),
    codes,
  }
}
