import type { CniNetwork } from './cni-network.ts'
import type { CniSide } from './cni-side.ts'
import { LEASES } from './our-program.ts'

/** Writes a lease for each line of standard input; the owner is that of the other networks' leases. */
const WRITE = `
set -e
mkdir "$1"
cd "$1"
while read -r address; do
  printf 'tenant-%s\\r\\neth0' "$address" >"$address"
  last=$address
done
printf %s "$last" >last_reserved_ip.0
chown -R --reference=.. .
`

/** Takes the first `count` addresses of the network, as host-local would for so many pods. */
export async function fillLeases({ host }: CniSide, network: CniNetwork, count: number): Promise<void> {
  const [a, b] = network.gateway.split('.')
  // Behind the network's own address and the gateway's.
  const numbers = Array.from({ length: count }, (_, index) => index + 2)
  const addresses = numbers.map(number => `${a}.${b}.${number >> 8}.${number & 255}\n`)
  await host.commands([['bash', '-c', WRITE, 'bash', `${LEASES}/${network.name}`]], addresses.join(''))
}
