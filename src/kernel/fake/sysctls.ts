/** What the kernel begins with, where it is not 0 (ipv4_devconf, ipv6_devconf). */
const INITIAL: ReadonlyMap<string, string> = new Map([
  ['accept_dad', '1'],
  ['accept_ra', '1'],
  ['accept_redirects', '1'],
  ['autoconf', '1'],
  ['secure_redirects', '1'],
  ['send_redirects', '1'],
  ['shared_media', '1'],
])

const PER_LINK = /^(ipv[46]\/conf)\/([^/]+)\/(.+)$/

/** The sysctls of a namespace. Those of a link begin as those of `default` are when it is made. */
export class Sysctls {
  private readonly values = new Map<string, string>()

  read(path: string): string {
    const [, directory, , name] = PER_LINK.exec(path) ?? []
    const inherited = directory === undefined ? undefined : this.values.get(`${directory}/default/${name}`)
    return this.values.get(path) ?? inherited ?? INITIAL.get(path.split('/').at(-1) ?? '') ?? '0'
  }

  /** Forwarding of `all` is that of each link, and of each to come (inet_forward_change, addrconf_forward_change). */
  write(path: string, value: string): void {
    const directory = /^(ipv[46]\/conf)\/all\/forwarding$/.exec(path)?.[1]
    if (directory !== undefined && this.read(path) !== value) {
      for (const other of this.values.keys()) {
        if (other.startsWith(`${directory}/`) && other.endsWith('/forwarding')) this.values.delete(other)
      }
      this.values.set(`${directory}/default/forwarding`, value)
      if (directory.startsWith('ipv4'))
        this.values.set(`${directory}/all/accept_redirects`, value === '0' ? '1' : '0')
    }
    this.values.set(path, value)
  }

  /** Those that somebody wrote. */
  [Symbol.iterator](): Iterator<[string, string]> {
    return this.values.entries()
  }

  forget(link: string): void {
    for (const path of this.values.keys()) if (isOf(path, link)) this.values.delete(path)
  }

  rename(from: string, to: string): void {
    for (const [path, value] of this.values) {
      if (!isOf(path, from)) continue
      this.values.delete(path)
      this.values.set(path.replace(`/${from}/`, `/${to}/`), value)
    }
  }
}

function isOf(path: string, link: string): boolean {
  return PER_LINK.exec(path)?.[2] === link
}
