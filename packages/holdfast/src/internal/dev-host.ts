import type { AnyRegistry } from "@holdfast/client";

/** The part of a registry that `holdfast dev` uses. Its copy of the package may be another one. */
export interface DevRegistry {
  readonly settings: { readonly use: Readonly<Record<string, unknown>> };
  start(): Promise<{ readonly port: number }>;
  listen(options?: object): Promise<{ readonly port: number }>;
  directory(): Promise<{ publicUrl: string | undefined }>;
  shutdown(): Promise<void>;
}

/** What `holdfast dev` has put into the process of a program, to start and stop its registry. */
export interface DevHost {
  /** Called with each registry that the program creates. */
  created(registry: AnyRegistry & DevRegistry): void;
  /** Resolves when the version before has closed its data. Awaited before a store is opened. */
  mayOpen(): Promise<void>;
}

const place = Symbol.for("holdfast.dev");

/** The host of this process; undefined outside of `holdfast dev`. */
export function devHost(): DevHost | undefined {
  return Reflect.get(globalThis, place) as DevHost | undefined;
}

export function installDevHost(host: DevHost): void {
  Reflect.set(globalThis, place, host);
}
