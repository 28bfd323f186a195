import { event } from "@holdfast/actors";
import type { BackendHost } from "../host.ts";
import {
  addRepository,
  applyRepositoryPatch,
  beginSshConnection,
  type ConnectionsContext,
  connectRepository,
  disconnectRepository,
  listRepositories,
  recoverRepositories,
} from "./connections.ts";
import type {
  AddRepositoryInput,
  RepositoryPatch,
  RepositorySource,
  RepositorySummary,
  SshConnection,
} from "./contract.ts";

/** Events of the organization about its repositories. */
export const repositoryEvents = {
  repositoryChanged: event<RepositorySummary>(),
  repositoryRemoved: event<string>(),
};

/** The actions of the organization about its repositories. */
export function repositoryActions(host: BackendHost) {
  return {
    connectRepository: (c: ConnectionsContext, source: RepositorySource): Promise<RepositorySummary> =>
      connectRepository(host, c, source),

    addRepository: (c: ConnectionsContext, input: AddRepositoryInput): Promise<RepositorySummary> =>
      addRepository(host, c, input),

    beginSsh: (c: ConnectionsContext, input: unknown): Promise<SshConnection> =>
      beginSshConnection(host, c, input),

    disconnectRepository: (c: ConnectionsContext, id: string): Promise<void> => disconnectRepository(c, id),

    listRepositories: (c: ConnectionsContext): Promise<readonly RepositorySummary[]> => listRepositories(c),
  };
}

/** The same, for the repositories and the process. */
export function repositoryInternals(host: BackendHost) {
  return {
    repositoryChanged: (c: ConnectionsContext, patch: RepositoryPatch): Promise<true | number> =>
      applyRepositoryPatch(c, patch),

    recoverRepositories: (c: ConnectionsContext): Promise<void> => recoverRepositories(host, c),
  };
}
