import { HoldfastError } from "@holdfast/core";
import type { Scope } from "./scope.ts";

export async function receive(
  _scope: Scope,
  _name: string,
  _options: unknown,
  _batch: boolean,
): Promise<unknown[]> {
  throw new HoldfastError("workflow", "invalid_step", "not yet");
}
