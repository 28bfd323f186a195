import { organizationOfKey } from "../../access/organization-ids.ts";
import type { NodeJail } from "../../cluster/all-nodes/sandboxes.ts";
import type { SandboxView, SystemStatus } from "../../contract.ts";
import type { BackendHost } from "../host.ts";
import { titlesOf } from "../tasks/rows.ts";
import type { TaskDatabase } from "../tasks/schema.ts";
import { type FolderContext, hasMachine } from "./folders.ts";

type SystemContext = Pick<FolderContext, "key" | "conn"> & { readonly db: TaskDatabase };

/** The running jails of an organization, with the titles of their tasks. */
export function sandboxesOf(db: TaskDatabase, jails: readonly NodeJail[]): readonly SandboxView[] {
  const titles = titlesOf(
    db,
    jails.flatMap(({ session = [] }) => session),
  );
  return jails.map(({ id, node, session = "", startedAt, usage: { memoryBytes, pids, diskBytes } }) => {
    const title = titles[session];
    return {
      ...{ id, startedAt },
      ...(node === undefined ? {} : { node }),
      ...(title === undefined ? {} : { task: { id: session, title } }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(pids === undefined ? {} : { pids }),
      ...(diskBytes === undefined ? {} : { diskBytes }),
    };
  });
}

/** The status for whoever asks, without what is about the machines for those who may not know it. */
export async function systemFor(
  host: Pick<BackendHost, "system" | "sandboxes">,
  c: SystemContext,
  tasks: SystemStatus["tasks"],
): Promise<SystemStatus> {
  const [machine, { jails, unanswered }] = await Promise.all([
    host.system(tasks),
    host.sandboxes.of(organizationOfKey(c.key)),
  ]);
  const sandboxes = sandboxesOf(c.db, jails);
  const missing = (names: readonly string[]) => (unanswered.length === 0 ? {} : { unanswered: names });
  if (hasMachine(c)) return { ...machine, sandboxes, ...missing(unanswered) };
  const { node: _, ...rest } = machine;
  return {
    ...{ ...rest, dataDirectory: "", checks: [] },
    sandboxes: sandboxes.map(({ node: __, ...sandbox }) => sandbox),
    ...missing([]),
  };
}
