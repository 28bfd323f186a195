import { HoldfastError } from "@holdfast/core";
import type { FoundEnvironment, NetworkHost, NetworkRule } from "./environment.ts";

/** The fork whose code a task starts from. */
export interface EnvironmentFork {
  readonly number: number;
  /** Full name. */
  readonly repository: string;
  /** Whether its environment gets secrets. Undefined until somebody has decided. */
  readonly secrets: boolean | undefined;
}

/**
 * The environment of a fork's commit: without secrets, unless somebody has allowed them, and never with the files or the
 * caches that other code of the repository uses. Throws `environment.secrets_not_allowed` while nobody has decided.
 */
export function forkEnvironment(
  found: FoundEnvironment,
  { number, repository, secrets }: EnvironmentFork,
): FoundEnvironment {
  const { environment } = found;
  const names = [...new Set(environment.network.flatMap(secretOf).map(({ name }) => name))];
  if (names.length > 0 && secrets === undefined) {
    const message = `Pull request #${number} is from the fork ${repository}, and its environment asks for ${names.length === 1 ? "the secret" : "the secrets"} ${names.join(", ")}. Read its changes, then allow the secrets or start without them.`;
    throw new HoldfastError("environment", "secrets_not_allowed", message, { statusCode: 409 });
  }
  const isAllowed = names.length > 0 && secrets === true;
  const network = isAllowed
    ? environment.network
    : environment.network.filter((rule) => secretOf(rule).length === 0);
  const variant = JSON.stringify(["fork", repository.toLowerCase(), isAllowed]);
  return { ...found, environment: { ...environment, network }, variant };
}

function secretOf(rule: NetworkRule): readonly NonNullable<NetworkHost["secret"]>[] {
  return rule === "npm" || rule.secret === undefined ? [] : [rule.secret];
}
