import type { ForgeRequest, ForgeResponse } from "../http/forge-http.ts";
import type { GiteaLabelRow } from "./rows.ts";

const pageSize = 50;
/** Colour of labels that did not exist, as GitHub gives it. */
const color = "#ededed";

/** Ids of the labels of these names in a repository. Missing ones are created: Gitea drops unknown names silently. */
export async function ensureLabels(
  request: (call: Omit<ForgeRequest, "token">) => Promise<ForgeResponse>,
  repositoryPath: string,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<readonly number[]> {
  const path = `${repositoryPath}/labels`;
  const ids = new Map<string, number>();
  for (let page = 1; !names.every((name) => ids.has(name)); page += 1) {
    const query = `page=${page}&limit=${pageSize}`;
    const { body } = await request({ method: "GET", path: `${path}?${query}`, signal });
    const list = (body as GiteaLabelRow[] | null) ?? [];
    for (const { id, name } of list) ids.set(name, id);
    if (list.length === 0) break;
  }
  for (const name of names) {
    if (ids.has(name)) continue;
    const { body } = await request({ method: "POST", path, body: { name, color }, signal });
    ids.set(name, (body as GiteaLabelRow).id);
  }
  return names.flatMap((name) => ids.get(name) ?? []);
}
