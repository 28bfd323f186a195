import { HoldfastError } from "@holdfast/core";
import type { Gate, Grant, SecretOwner } from "@holdfast/gate";
import type { SecretUseView, SecretView } from "../contract/administration.ts";
import { secretPrefix } from "../remotes/connections.ts";

/** A connected repository. The names of its secrets begin with its id. */
export interface ConnectedName {
  readonly id: string;
  readonly name: string;
}

/** The secrets of the vault: their names and uses, and never a value. */
export class Secrets {
  readonly #gate: Gate;

  constructor(gate: Gate) {
    this.#gate = gate;
  }

  async list(repositories: readonly ConnectedName[]): Promise<readonly SecretView[]> {
    const { vault } = this.#gate;
    const [entries, grants] = await Promise.all([vault.secretEntries(), vault.grants()]);
    return entries
      .map(({ name, owner }) => ({
        name,
        owner: ownerText(owner),
        uses: [
          ...grants
            .filter((grant) => grant.secret === name && ownerText(grant.owner) === ownerText(owner))
            .map(useOfGrant),
          ...repositories
            .filter(({ id }) => name.startsWith(secretPrefix(id)) && ownerText(owner) === "")
            .map(({ id, name: repository }): SecretUseView => ({ kind: "repository", id, name: repository })),
        ],
      }))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  async set(name: string, value: string, by: string): Promise<void> {
    await this.#gate.audit.append({ type: "secret.set", data: { secret: name, by } });
    await this.#gate.vault.setSecret({ name, owner: {} }, value);
  }

  /** Throws `administration.secret_in_use`. */
  async delete(name: string, by: string, repositories: readonly ConnectedName[]): Promise<void> {
    const user = repositories.find(({ id }) => name.startsWith(secretPrefix(id)));
    if (user !== undefined) {
      const message = `The repository ${user.name} uses this secret. Disconnect it first, or set a new value.`;
      throw new HoldfastError("administration", "secret_in_use", message, { statusCode: 409 });
    }
    await this.#gate.audit.append({ type: "secret.deleted", data: { secret: name, by } });
    await this.#gate.vault.deleteSecret({ name, owner: {} });
  }
}

function useOfGrant({ id, principal, host, pathPrefix, methods, expiresAt }: Grant): SecretUseView {
  const words = Object.entries(principal).map(([kind, value]) => `${kind} ${value}`);
  return {
    ...{ kind: "grant", id, principal: words.join(", "), host, pathPrefix, methods },
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

function ownerText({ user, organization }: SecretOwner): string {
  return [
    ...(user === undefined ? [] : [`user ${user}`]),
    ...(organization === undefined ? [] : [`organization ${organization}`]),
  ].join(", ");
}
