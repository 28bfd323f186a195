import type { RunningJail } from "@holdfast/gate";
import { organizationOfId } from "../../access/organization-ids.ts";
import type { SandboxView } from "../../contract.ts";
import { titlesOf } from "../tasks/rows.ts";
import type { TaskDatabase } from "../tasks/schema.ts";

/** The running jails that work for an organization. Those of plugins work for nobody alone. */
export function sandboxesOf(
  db: TaskDatabase,
  organization: string,
  jails: readonly RunningJail[],
): readonly SandboxView[] {
  const own = jails.filter(
    ({ session }) => session !== undefined && organizationOfId(session) === organization,
  );
  const titles = titlesOf(
    db,
    own.flatMap(({ session = [] }) => session),
  );
  return own.map(({ id, session = "", startedAt, usage: { memoryBytes, pids, diskBytes } }) => {
    const title = titles[session];
    return {
      ...{ id, startedAt },
      ...(title === undefined ? {} : { task: { id: session, title } }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(pids === undefined ? {} : { pids }),
      ...(diskBytes === undefined ? {} : { diskBytes }),
    };
  });
}
