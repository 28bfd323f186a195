import { AsyncLocalStorage } from "node:async_hooks";
import type {
  AuditLogEntry,
  AuditLogFilter,
  ChannelServices,
  PluginServices,
  PublishedEvent,
  ServerConnection,
  SessionInfo,
  ToolDeclaration,
} from "./api.ts";
import { formatErrorMessage } from "./api.ts";
import type { InvocationContext, Question, StartMessage } from "./messages.ts";

/** The call that the running code belongs to. */
export interface CurrentCall {
  readonly id: number;
  readonly context?: InvocationContext;
}

export const currentCall = new AsyncLocalStorage<CurrentCall>();

export interface ServiceParts {
  readonly start: StartMessage;
  readonly egress: Readonly<Record<string, string>>;
  readonly connections: Readonly<Record<string, ServerConnection>>;
  readonly ask: (question: Question) => Promise<unknown>;
}

/** State that the host can replace while the plugin runs. */
export interface ServiceState {
  catalog: readonly ToolDeclaration[];
  credentials: Readonly<Record<string, string>>;
}

export function createServices(
  { start, egress, connections, ask }: ServiceParts,
  state: ServiceState,
): PluginServices & Partial<ChannelServices> {
  const services: PluginServices = {
    async getAuditLog(filter: AuditLogFilter): Promise<AuditLogEntry[]> {
      const call = currentCall.getStore()?.id;
      // The host creates the list; the channel defines its type.
      return (await ask({
        what: "audit",
        filter,
        ...(call === undefined ? {} : { call }),
      })) as AuditLogEntry[];
    },
    getToolCatalog: () => structuredClone([...state.catalog]),
    getSessionInfo(): SessionInfo {
      const context = currentCall.getStore()?.context;
      return {
        group: context?.group ?? "",
        sessionId: context?.sessionId ?? "",
        startedAt: context?.startedAt ?? "",
      };
    },
    readCredential: (key) => readCredential(start, state.credentials, key),
    verifyOnly: start.verifyOnly,
    ...(start.sharesData === true ? { sharesData: true } : {}),
    config: start.config,
    dataDirectory: start.dataDirectory,
    egress,
    folders: start.folders,
    connections,
  };
  if (!start.channels) return services;
  return {
    ...services,
    async publishEvent(event: PublishedEvent): Promise<void> {
      await ask({ what: "publish", event });
    },
  };
}

function readCredential(
  { plugin, withoutCredentials }: StartMessage,
  credentials: Readonly<Record<string, string>>,
  key: string,
): string {
  if (typeof key !== "string" || key === "" || key === "." || /[/\\\0]|\.\./.test(key)) {
    throw new Error(
      formatErrorMessage({
        component: "PluginLoader",
        what: `Invalid credential key ${JSON.stringify(key)}`,
        how: "Use a plain file name without slashes",
      }),
    );
  }
  if (withoutCredentials === true && !Object.hasOwn(credentials, key)) return "";
  if (Object.hasOwn(credentials, key)) return credentials[key] ?? "";
  throw new Error(
    formatErrorMessage({
      component: "PluginLoader",
      what: `Credential "${key}" not found for plugin "${plugin}"`,
      how: `Put it in a file named ${key}, mode 0600, in credentials/plugins/${plugin}`,
    }),
  );
}
