/** Processes that clients start: managed ones and one-shot runs, with their routes. */
import { join } from "node:path";
import type { Route } from "../http/router.ts";
import { ProcessIds } from "./process-ids.ts";
import { type ProcessContext, ProcessRoutes } from "./routes.ts";
import { initialSettings } from "./settings.ts";
import { Previews } from "./supervision/preview.ts";
import { StateFile } from "./supervision/state-file.ts";
import { findSurvivors } from "./supervision/surviving-process.ts";
import { ProcessTable } from "./table.ts";

export interface ProcessesOptions extends Omit<ProcessContext, "table" | "previews"> {
  /**
   * Directory for the records of running processes and used ids, which a later server reads. Without it, nothing
   * survives this server.
   */
  readonly dataDirectory?: string | undefined;
}

/** The managed processes of a server, with their routes and lifecycle. */
export interface Processes {
  readonly table: ProcessTable;
  readonly routes: readonly Route[];
  /** Ends survivors and cancels restarts. The spawner ends the processes that this server started. */
  close(): Promise<void>;
  /**
   * Removes the state file. Call it after all processes have ended, so that a later server searches for no survivors.
   */
  finish(): Promise<void>;
}

/** Creates the registry and the routes of processes; adopts survivors of an earlier server. */
export async function createProcesses(options: ProcessesOptions): Promise<Processes> {
  const { spawner, limits, log, dataDirectory } = options;
  const directory = dataDirectory === undefined ? undefined : join(dataDirectory, "processes");
  const state =
    directory === undefined ? undefined : new StateFile(directory, spawner.mark, () => spawner.groups, log);
  const settings = initialSettings(limits);
  const ids = new ProcessIds(dataDirectory && join(dataDirectory, "process-ids.json"), log);
  const table = new ProcessTable({ spawner, limits, settings, log, ids, ...(state ? { state } : {}) });
  if (directory !== undefined) await table.adopt(await findSurvivors(directory, log));
  // The desktop of an earlier server is of no use: nothing knows the secret of its display.
  for (const left of table.list("desktop")) left.kill();
  const previews = new Previews();
  return {
    table,
    routes: new ProcessRoutes({ ...options, table, previews }).routes(),
    close: async () => {
      await previews.close();
      await table.close();
    },
    finish: async () => {
      await ids.close();
      await state?.discard();
    },
  };
}
