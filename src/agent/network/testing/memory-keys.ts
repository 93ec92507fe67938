import { WireguardKeys } from '../wireguard-keys.ts'

/** Keys of a node that has no disk: another one for each node. @param text what is in the file already */
export function memoryKeys(nodeName: string, text?: string): WireguardKeys {
  let content = text
  const file = {
    path: `/${nodeName}/wireguard.key`,
    read: () => content,
    create: (made: string) => void (content = made),
  }
  return new WireguardKeys(file, count => Buffer.from(nodeName.padEnd(count)).subarray(0, count))
}
