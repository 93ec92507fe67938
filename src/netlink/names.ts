/** Kernel numbers that have names, such as route types and scopes. A number without a name stays a number. */
export interface NameTable<Name extends string> {
  toNumber(value: Name | number): number
  toName(number: number): Name | number
}

export function nameTable<Name extends string>(numbers: Readonly<Record<Name, number>>): NameTable<Name> {
  const byNumber = new Map<number, Name>()
  for (const name in numbers) byNumber.set(numbers[name], name)
  return {
    toNumber: value => (typeof value === 'number' ? value : numbers[value]),
    toName: number => byNumber.get(number) ?? number,
  }
}
