import { organizationOfKey } from "../../access/organization-ids.ts";
import type { RepositoryEnvironment } from "../../contract.ts";
import type { BackendHost } from "../host.ts";
import { type FolderContext, hasMachine, requireFolder } from "../organizations/folders.ts";
import { requireText } from "../validate.ts";

/** The actions of the organization about the environments of its repositories. */
export function environmentActions(host: Pick<BackendHost, "environments">) {
  const inspect = async (c: FolderContext, path: string): Promise<RepositoryEnvironment> => {
    const found = await host.environments.inspect(path, organizationOfKey(c.key));
    if (hasMachine(c)) return found;
    const { preparedBy: _, ...rest } = found;
    return rest;
  };
  return {
    async environment(c: FolderContext, path: string): Promise<RepositoryEnvironment> {
      await requireFolder(c, requirePath(path));
      return inspect(c, path);
    },

    async prepareEnvironment(
      c: FolderContext,
      path: string,
      options?: { readonly again?: boolean },
    ): Promise<RepositoryEnvironment> {
      await requireFolder(c, requirePath(path));
      await host.environments.prepare(path, organizationOfKey(c.key), options?.again === true);
      return inspect(c, path);
    },
  };
}

function requirePath(path: unknown): string {
  requireText(path, "path", 4_096);
  return path;
}
