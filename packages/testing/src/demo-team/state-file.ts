import { renameSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KeptGitHub } from "../github/emulator.ts";
import type { KeptStripe } from "../stripe/kept.ts";
import type { PendingDelivery } from "./outbox.ts";

/** What the forge of the demo team is besides git. Written when its first content is complete. */
export interface DemoForgeState {
  readonly version: 1;
  readonly port: number;
  readonly github: KeptGitHub;
  readonly outbox: readonly PendingDelivery[];
}

/** What the payments of the demo team are. */
export interface DemoPaymentsState {
  readonly version: 1;
  readonly port: number;
  readonly stripe: KeptStripe;
}

type State = DemoForgeState | DemoPaymentsState;

const fileName = "state.json";

/** Undefined before the first start. */
export async function readState<Kept extends State>(directory: string): Promise<Kept | undefined> {
  const text = await readFile(join(directory, fileName), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : (JSON.parse(text) as Kept);
}

/** Replaces the file at once. What is written survives the process, but not the machine. */
export function writeState(directory: string, state: State): void {
  const path = join(directory, fileName);
  writeFileSync(`${path}.partial`, JSON.stringify(state), { mode: 0o600 });
  renameSync(`${path}.partial`, path);
}
