import type { CniDns } from '../../attach/index.ts'

/** resolv.conf(5), the lines that a CNI result has room for. */
export function parseResolvConf(text: string): CniDns {
  const nameservers: string[] = []
  const options: string[] = []
  let dns: CniDns = {}
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/)
    if (keyword === 'nameserver') nameservers.push(...values.slice(0, 1))
    else if (keyword === 'domain' && values[0] !== undefined) dns = { ...dns, domain: values[0] }
    else if (keyword === 'search') dns = { ...dns, search: values }
    else if (keyword === 'options') for (const value of values) options.push(value)
  }
  return {
    ...(nameservers.length === 0 ? {} : { nameservers }),
    ...dns,
    ...(options.length === 0 ? {} : { options }),
  }
}
