import { HoldfastError } from "@holdfast/core";
import { destroyAfter } from "../providers/left-over.ts";
import type { SandboxProvider } from "../providers/provider.ts";
import type { ProvidedSandbox, SandboxAgentConnectOptions, SandboxAgentStartOptions } from "./options.ts";

/** Creates or reuses a sandbox and connects to its server. If that fails, a created sandbox is destroyed. */
export async function startSandbox<Client>(
  options: SandboxAgentStartOptions,
  connect: (options: SandboxAgentConnectOptions, provided: ProvidedSandbox) => Promise<Client>,
): Promise<Client> {
  const { sandbox: provider } = options;
  if (provider.getUrl === undefined && provider.getFetch === undefined) {
    const message = `Provider "${provider.name}" has neither getUrl nor getFetch: its servers cannot be reached`;
    throw new HoldfastError("sandbox", "invalid_provider", message, { statusCode: 500 });
  }
  options.signal?.throwIfAborted();
  const made = options.sandboxId === undefined;
  const rawId = made ? await provider.create() : rawIdOf(options.sandboxId ?? "", provider);
  try {
    if (!made) {
      await provider.reconnect?.(rawId);
      await provider.ensureServer?.(rawId);
    }
    return await connect(await connectOptions(options, rawId), { provider, rawId });
  } catch (error) {
    if (made) await destroyAfter(error, `${provider.name}/${rawId}`, () => provider.destroy(rawId));
    throw error;
  }
}

async function connectOptions(
  options: SandboxAgentStartOptions,
  rawId: string,
): Promise<SandboxAgentConnectOptions> {
  const { sandbox: provider, sandboxId: _sandboxId, fetch: given, token: givenToken, ...common } = options;
  const fetch = given ?? (await provider.getFetch?.(rawId));
  const baseUrl = (await provider.getUrl?.(rawId)) ?? "http://sandbox";
  const token = givenToken ?? (await provider.getToken?.(rawId));
  return {
    ...common,
    baseUrl,
    ...(fetch === undefined ? {} : { fetch }),
    ...(token === undefined ? {} : { token }),
  };
}

function rawIdOf(sandboxId: string, provider: SandboxProvider): string {
  const prefix = `${provider.name}/`;
  if (sandboxId.startsWith(prefix) && sandboxId.length > prefix.length) return sandboxId.slice(prefix.length);
  const message = `Sandbox id "${sandboxId}" does not belong to provider "${provider.name}", whose ids begin with "${prefix}"`;
  throw new HoldfastError("sandbox", "foreign_sandbox_id", message, { statusCode: 400 });
}
