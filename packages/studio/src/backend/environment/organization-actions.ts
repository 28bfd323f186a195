import { organizationOfKey } from "../../access/organization-ids.ts";
import type { RepositoryEnvironment } from "../../contract.ts";
import type { BackendHost } from "../host.ts";
import type { ActorCreator } from "../new-task.ts";
import { type FolderContext, requireFolder } from "../organizations/folders.ts";
import { requireText } from "../validate.ts";
import { withLatest } from "./preparation-index.ts";

type EnvironmentContext = FolderContext & ActorCreator;

/** The actions of the organization about the environments of its repositories. */
export function environmentActions(host: Pick<BackendHost, "environments">) {
  return {
    async environment(c: EnvironmentContext, path: string): Promise<RepositoryEnvironment> {
      await requireFolder(c, requirePath(path));
      return withLatest(c, await host.environments.inspect(path, organizationOfKey(c.key)));
    },

    async prepareEnvironment(
      c: EnvironmentContext,
      path: string,
      options?: { readonly again?: boolean },
    ): Promise<RepositoryEnvironment> {
      const organization = organizationOfKey(c.key);
      await requireFolder(c, requirePath(path));
      await host.environments.prepare(path, organization, options?.again === true);
      return withLatest(c, await host.environments.inspect(path, organization));
    },
  };
}

function requirePath(path: unknown): string {
  requireText(path, "path", 4_096);
  return path;
}
