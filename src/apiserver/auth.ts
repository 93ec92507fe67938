import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { PodlaceError } from '../base/index.ts'
import { RequestError } from './status.ts'

/** A bearer token and what its holder may do. */
export interface AccessToken {
  readonly token: string
  /** Named in messages and the log instead of the token. */
  readonly user: string
  /** `read`: get, list, watch. `write`: everything. */
  readonly access: 'read' | 'write'
}

/** Decides about requests by their Authorization header. Without tokens everybody may do everything. */
export class Authenticator {
  private readonly known: readonly { readonly digest: Buffer; readonly holder: AccessToken }[] | undefined

  constructor(tokens?: readonly AccessToken[]) {
    this.known = tokens?.map(holder => ({ digest: digestOf(holder.token), holder }))
  }

  /** The user's name. Throws 401 without a known token, 403 for a write by somebody who may only read. */
  authorize(header: string | undefined, writes: boolean): string {
    if (this.known === undefined) return 'anonymous'
    const [, given] = /^Bearer +(\S+) *$/i.exec(header ?? '') ?? []
    if (given === undefined) {
      throw new RequestError(401, 'Unauthorized: expected a header "Authorization: Bearer <token>"')
    }
    const holder = this.holderOf(given)
    if (holder === undefined) throw new RequestError(401, 'Unauthorized: the bearer token is not known here')
    if (writes && holder.access === 'read') {
      throw new RequestError(403, `forbidden: "${holder.user}" may get, list and watch, but not write`)
    }
    return holder.user
  }

  /** All digests are compared, each in constant time, so that the time tells nothing about any token. */
  private holderOf(given: string): AccessToken | undefined {
    const digest = digestOf(given)
    let found: AccessToken | undefined
    for (const known of this.known ?? []) if (timingSafeEqual(known.digest, digest)) found = known.holder
    return found
  }
}

/**
 * Reads tokens from a file: a line each, `token`, `token,user` or `token,user,read`; empty lines and `#` comments are
 * skipped. Throws apiserver.tokens for a file that cannot be read or has no token.
 */
export function readTokenFile(path: string): AccessToken[] {
  const refuse = (message: string, cause?: unknown) =>
    new PodlaceError(
      `read tokens from ${path}`,
      message,
      { code: 'apiserver.tokens' as const, path },
      { cause },
    )
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw refuse(`cannot read the token file ${path}: does it exist, and may this user read it?`, error)
  }
  const tokens = text
    .split('\n')
    .map((line, at) => ({ line: line.trim(), number: at + 1 }))
    .filter(({ line }) => line !== '' && !line.startsWith('#'))
    .map(({ line, number }) => {
      const [token = '', user = `line-${number}`, access = 'write', ...rest] = line
        .split(',')
        .map(part => part.trim())
      if (token === '' || /\s/.test(token) || (access !== 'read' && access !== 'write') || rest.length > 0) {
        throw refuse(`line ${number} of ${path}: expected token, token,user or token,user,read`)
      }
      return { token, user, access } satisfies AccessToken
    })
  if (tokens.length === 0) throw refuse(`the token file ${path} holds no token: nobody could ever connect`)
  return tokens
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
