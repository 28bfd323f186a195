/** The test kit of plugin authors: `@holdfast/gate/plugin-testing`. */
import type {
  CoreServices,
  ErrorPayload,
  PluginContext,
  PluginHandler,
  SessionLookup,
  SessionRecord,
  ToolInvocationResult,
} from "./api.ts";

export type { SessionLookup, SessionRecord } from "./api.ts";

/** A context like the gate's, with defaults for everything that `overrides` omits. */
export function createTestContext(overrides: Partial<PluginContext> = {}): PluginContext {
  return {
    group: "test-group",
    sessionId: "test-session",
    correlationId: "test-correlation",
    timestamp: new Date().toISOString(),
    ...overrides,
  };
}

/** Options of test services. */
export interface TestServicesOptions {
  readonly credentials?: FakeCredentialStore;
}

/** Services with the given credentials only; without a store each credential is empty. */
export function createTestServices({ credentials }: TestServicesOptions = {}): CoreServices {
  return {
    getAuditLog: async () => [],
    getToolCatalog: () => [],
    getSessionInfo: () => ({
      group: "test-group",
      sessionId: "test-session",
      startedAt: new Date().toISOString(),
    }),
    readCredential(key) {
      if (credentials === undefined) return "";
      const value = credentials.get(key);
      if (value === undefined) throw new Error(`Credential "${key}" not found`);
      return value;
    },
    verifyOnly: false,
  };
}

/** Options of a test invocation. */
export interface TestInvocationOptions {
  /** Calls `initialize()` first. */
  readonly autoInit?: boolean;
  readonly services?: CoreServices;
}

/** Calls a handler as the gate does, in this process. */
export async function createTestInvocation(
  handler: PluginHandler,
  tool: string,
  args: Record<string, unknown>,
  contextOverrides?: Partial<PluginContext>,
  options: TestInvocationOptions = {},
): Promise<ToolInvocationResult> {
  if (options.autoInit === true) await handler.initialize(options.services ?? createTestServices());
  return handler.handleToolInvocation(tool, args, createTestContext(contextOverrides));
}

/** Credentials in memory. */
export class FakeCredentialStore {
  readonly #values: Map<string, string>;

  constructor(initial: Readonly<Record<string, string>> = {}) {
    this.#values = new Map(Object.entries(initial));
  }

  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: string): void {
    this.#values.set(key, value);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  delete(key: string): boolean {
    return this.#values.delete(key);
  }

  keys(): string[] {
    return [...this.#values.keys()];
  }

  clear(): void {
    this.#values.clear();
  }
}

/** The result's data. Throws when the result is an error. */
export function assertSuccessResult(result: ToolInvocationResult): Record<string, unknown> {
  if (result.ok) return result.result;
  throw new Error(`Expected a success, but got ${result.error.code}: ${result.error.message}`);
}

/** The result's error. Throws when the result is a success, or has another code. */
export function assertErrorResult(result: ToolInvocationResult, expectedCode?: string): ErrorPayload {
  if (result.ok) throw new Error(`Expected an error, but got ${JSON.stringify(result.result)}`);
  if (expectedCode !== undefined && result.error.code !== expectedCode) {
    throw new Error(`Expected the code ${expectedCode}, but got ${result.error.code}`);
  }
  return result.error;
}

const credentialPatterns: readonly RegExp[] = [
  /Bearer\s+[A-Za-z0-9\-._~+/]+=*/,
  /\b(?:sk|pk)[-_][A-Za-z0-9\-_]{10,}/,
  /X-API-Key:\s*\S+/i,
  /\bgh[pousr]_[A-Za-z0-9]{20,}/,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/,
  /\bglpat-[A-Za-z0-9\-_]{10,}/,
  /\bxox[abeprs]-[A-Za-z0-9-]+/,
  /\bnpm_[A-Za-z0-9]{20,}/,
  /\bAKIA[A-Z0-9]{16}\b/,
  /\bAIza[A-Za-z0-9\-_]{30,}/,
  /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/,
];

/**
 * Throws when a text anywhere in the result, keys included, looks like a credential, or contains one of
 * `secrets`.
 */
export function assertNoCredentialLeak(result: ToolInvocationResult, secrets: readonly string[] = []): void {
  for (const text of textsOf(result)) {
    const pattern = credentialPatterns.find((each) => each.test(text));
    if (pattern !== undefined) throw new Error(`Potential credential leak: a text matches ${pattern}`);
    if (secrets.some((secret) => secret !== "" && text.includes(secret))) {
      throw new Error("Potential credential leak: a text contains one of the secrets");
    }
  }
}

function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => [key, ...textsOf(each)]);
}

/** Sessions for tests of `resolveSession()`, newest first. */
export function createTestSessionLookup(sessions: readonly SessionRecord[] = []): SessionLookup {
  return {
    latest: async () => sessions.find((each) => each.resumable)?.sessionId ?? null,
    find: async ({ resumable, limit = 10 }) =>
      sessions.filter((each) => resumable === undefined || each.resumable === resumable).slice(0, limit),
  };
}
