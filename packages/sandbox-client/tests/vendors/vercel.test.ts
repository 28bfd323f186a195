import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { SandboxAgent, type SandboxProvider } from "../../src/index.ts";
import { type VercelModule, type VercelProviderOptions, vercel } from "../../src/providers/vercel.ts";
import { conforms, keepsApart } from "../providers/conformance.ts";
import { checkAgainstTypes, repository, vendorSdk } from "./vendor-sdk.ts";
import { credentials, VercelService } from "./vercel-service.ts";

const vendor = { name: "@vercel/sandbox", version: "3.5.0" };
const sdk = await vendorSdk<VercelModule>(vendor);
const service = await VercelService.listen();
after(() => service.close());

function provider(options: VercelProviderOptions = {}): SandboxProvider {
  const client = { ...credentials, fetch: service.fetch };
  const made = vercel({ sdk, client, ...options });
  // The vendor's domain leads to the machine; here it leads nowhere.
  return { ...made, getUrl: async (id) => service.urlOf(id) };
}

test("sandboxes of Vercel, by its SDK", async () => {
  await conforms(provider());
  await keepsApart(provider());
  assert.deepEqual(service.names, []);
});

test("a sandbox outlives the vendor's five minutes, and comes back after its own time", async () => {
  const client = await SandboxAgent.start({ sandbox: provider() });
  const { sandboxId = "" } = client;
  const name = sandboxId.replace("vercel/", "");
  assert.equal(service.timeoutMsOf(name), 45 * 60_000);
  await client.writeFsFile({ path: "note.txt" }, "kept");
  await client.dispose();
  await service.expire(name);
  const again = await SandboxAgent.start({ sandbox: provider(), sandboxId });
  assert.equal(new TextDecoder().decode(await again.readFsFile({ path: "note.txt" })), "kept");
  await again.destroySandbox();
  const brief = provider({ timeoutMs: 60_000, create: { timeout: 90_000 } });
  const id = await brief.create();
  assert.equal(service.timeoutMsOf(id), 90_000);
  await brief.destroy(id);
});

test("the server answers to the vendor's domain", async () => {
  const made = provider();
  const id = await made.create();
  const real = await vercel({ sdk, client: { ...credentials, fetch: service.fetch } }).getUrl?.(id);
  const { host, protocol } = new URL(real ?? "");
  assert.match(`${protocol}//${host}`, /^https:\/\/sbx-.*-3000\.vercel\.run$/);
  const client = await SandboxAgent.connect({
    baseUrl: service.urlOf(id),
    token: (await made.getToken?.(id)) ?? "",
  });
  await client.listAgents();
  await client.dispose();
  const { port } = new URL(service.urlOf(id));
  const headers = { host, authorization: `Bearer ${await made.getToken?.(id)}` };
  const asked = request({ host: "127.0.0.1", port, path: "/v1/health", headers }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  answer.resume();
  assert.equal(answer.statusCode, 200);
  await made.destroy(id);
});

test("a command that fails is told with all its output, and the sandbox is not left", async () => {
  const broken = provider({ installCommand: "echo said; echo complained >&2; exit 3" });
  await assert.rejects(broken.create(), /failed with 3: said\ncomplained$/);
  assert.deepEqual(service.names, []);
});

test("what the vendor refuses for another reason is no missing sandbox", async () => {
  const stranger = provider({ client: { ...credentials, token: "another", fetch: service.fetch } });
  await assert.rejects(stranger.create(), /403/);
  await assert.rejects(stranger.destroy("sbx-1"), /403/);
  await assert.rejects(async () => await stranger.reconnect?.("sbx-1"), { name: "Error" });
});

test("the provider and the emulator have the SDK's types", () => {
  const here = join(repository, "packages", "sandbox-client");
  const declared = "./node_modules/@vercel/sandbox/dist/api-client/validators.js";
  const text = `
    import { Sandbox } from "@vercel/sandbox";
    import type { CommandData, LogOutputLine, SandboxMetaData, SandboxRouteData, SessionMetaData } from "${declared}";
    import type { VercelModule, VercelProviderOptions } from "${here}/src/providers/vercel.ts";
    import type { CommandAnswer, RouteAnswer, SandboxAnswer, SessionAnswer } from "${here}/tests/vendors/vercel-service.ts";
    export const module: VercelModule = { Sandbox };
    export type Given = NonNullable<Parameters<typeof Sandbox.create>[0]>;
    declare const client: Required<NonNullable<VercelProviderOptions["client"]>>;
    export const given: Given = { ...client, ports: [3000], timeout: 1 };
    declare const answers: { session: SessionAnswer; sandbox: SandboxAnswer; route: RouteAnswer; command: CommandAnswer };
    export const session: SessionMetaData = answers.session;
    export const sandbox: SandboxMetaData = answers.sandbox;
    export const route: SandboxRouteData = answers.route;
    export const command: CommandData = answers.command;
    export const line: LogOutputLine = { stream: "stderr", data: "" };
  `;
  assert.equal(checkAgainstTypes(vendor, text), "");
});
