/** Configuration of directories. */
import { useApi } from "../../api/context.ts";
import type { SandboxApi } from "../../api/sandbox-api.ts";

export interface ConfigKind {
  readonly title: string;
  /** The singular, for buttons and messages. */
  readonly noun: string;
  readonly route: "mcp" | "skills";
  readonly nameParameter: "mcpName" | "skillName";
  /** The initial value of a new entry. */
  readonly sample: object;
  readonly hint: string;
}

/** The entries of one kind in a directory. */
export function useConfigApi(kind: ConfigKind, directory: string) {
  return configApi(useApi(), kind, directory);
}

function configApi(api: SandboxApi, { route, nameParameter }: ConfigKind, directory: string) {
  const path = `/v1/config/${route}`;
  const query = (name: string) => ({ directory, [nameParameter]: name });
  return {
    async names(signal: AbortSignal): Promise<readonly string[]> {
      return (await api.json<{ names: readonly string[] }>(`${path}/names`, { query: { directory }, signal }))
        .names;
    },
    async read(name: string, signal: AbortSignal): Promise<object> {
      return await api.json(path, { query: query(name), signal });
    },
    async write(name: string, value: object): Promise<void> {
      await api.send(path, { method: "PUT", query: query(name), json: value });
    },
    async remove(name: string): Promise<void> {
      await api.send(path, { method: "DELETE", query: query(name) });
    },
  };
}
