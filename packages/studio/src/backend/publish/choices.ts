import type { PublishChoices } from "../../contract/publish.ts";
import type { Forge, ForgePage } from "../../forges/forge.ts";
import { studioLimits } from "../../limits.ts";

/** Names of people and labels at the forge, by name. Throws `forge.*`. */
export async function readChoices(
  forge: Forge,
  fullName: string,
  signal: AbortSignal,
): Promise<PublishChoices> {
  const [people, labels] = await Promise.all([
    readNames((page) => forge.people(fullName, page, signal)),
    readNames((page) => forge.labels(fullName, page, signal)),
  ]);
  return { people, labels };
}

async function readNames(read: (page: number) => Promise<ForgePage<string>>): Promise<readonly string[]> {
  const names = new Set<string>();
  for (
    let page: number | undefined = 1;
    page !== undefined && names.size < studioLimits.maxPublishChoices;
  ) {
    const found: ForgePage<string> = await read(page);
    for (const name of found.items) names.add(name);
    page = found.nextPage;
  }
  return [...names].sort((a, b) => a.localeCompare(b)).slice(0, studioLimits.maxPublishChoices);
}
