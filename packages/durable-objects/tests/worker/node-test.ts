/** Stands for `node:test` in a bundle: collects the cases, which a Worker then runs one by one. */

export interface Case {
  readonly name: string;
  readonly run: () => unknown;
}

type Hook = () => unknown;

export const cases = { list: [] as Case[], before: [] as Hook[] };

/** The cases that `register` registers. */
export function collecting(register: () => void): readonly Case[] {
  cases.list = [];
  cases.before = [];
  register();
  return cases.list;
}

export function test(name: string, run: () => unknown): void {
  cases.list.push({ name, run });
}

export function describe(_name: string, register: () => void): void {
  register();
}

export function before(hook: Hook): void {
  cases.before.push(hook);
}

/** The storage of a case is dropped with its object. */
export function after(_hook: Hook): void {}
