/** Our daemons of a node, by their rooms, which begin the codes of their errors. */
export const PROGRAM = { agent: 'agent', dhcp: 'DHCP daemon' } as const

export type DaemonRoom = keyof typeof PROGRAM
