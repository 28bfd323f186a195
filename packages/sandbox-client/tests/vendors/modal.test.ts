import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { SandboxAgent, SandboxDestroyedError, type SandboxProvider } from "../../src/index.ts";
import { type ModalModule, type ModalProviderOptions, modal } from "../../src/providers/modal.ts";
import { conforms, keepsApart } from "../providers/conformance.ts";
import { credentials, ModalService } from "./modal-service.ts";
import { checkAgainstTypes, installVendor, repository, vendorSdk } from "./vendor-sdk.ts";

const vendor = { name: "modal", version: "0.11.1" };
// The SDK says that it leaves out TLS on one machine, at the level "warn".
Object.assign(process.env, { MODAL_CONFIG_PATH: "/nonexistent/modal.toml", MODAL_LOGLEVEL: "error" });
const sdk = await vendorSdk<ModalModule>(vendor);
const service = await ModalService.listen(installVendor(vendor));
after(() => service.close());
process.env["MODAL_SERVER_URL"] = service.url;

function provider(options: ModalProviderOptions = {}): SandboxProvider {
  const made = modal({ sdk, client: credentials, ...options });
  // The vendor's tunnel leads to the machine; here it leads nowhere.
  return { ...made, getUrl: async (id) => service.urlOf(id) };
}

test("sandboxes of Modal, by its SDK", async () => {
  await conforms(provider());
  await keepsApart(provider());
  // What needs a GPU is made by the service's older backend.
  await conforms(provider({ create: { gpu: "T4" } }));
  assert.deepEqual(service.running, []);
  assert.deepEqual(new Set(service.bases), new Set(["FROM node:24-slim"]));
});

test("a sandbox outlives the vendor's five minutes, and is gone after its own time", async () => {
  const made = provider({ create: { encryptedPorts: [8_080, 3_000] } });
  const id = await made.create();
  assert.equal(service.timeoutMsOf(id), 3_600_000);
  assert.match((await modal({ sdk, client: credentials }).getUrl?.(id)) ?? "", /^https:\/\/.*\.modal\.host$/);
  await service.expire(id);
  const again = SandboxAgent.start({ sandbox: made, sandboxId: `modal/${id}` });
  await assert.rejects(again, SandboxDestroyedError);
  await made.destroy(id);
  const brief = provider({ timeoutMs: 60_000, create: () => ({ timeoutMs: 90_000 }) });
  const other = await brief.create();
  assert.equal(service.timeoutMsOf(other), 90_000);
  await brief.destroy(other);
});

test("a record of secrets is what the sandbox has as variables", async () => {
  const secrets = { GREETING: "hello", OTHER: "x" };
  for (const create of [{ secrets }, { secrets, gpu: "T4" }]) {
    const made = provider({ create });
    const id = await made.create();
    const variables = service.variablesOf(id);
    await made.destroy(id);
    assert.deepEqual({ ...variables }, secrets);
  }
});

test("a sandbox that the service never knew is gone", async () => {
  await assert.rejects(async () => await provider().reconnect?.("sb-none"), SandboxDestroyedError);
  await provider().destroy("sb-none");
});

test("a command that fails is told with all its output, and the sandbox is not left", async () => {
  const broken = provider({ installCommand: "echo said; echo complained >&2; exit 3" });
  await assert.rejects(broken.create(), /failed with 3: said\ncomplained$/);
  assert.deepEqual(service.running, []);
});

test("what the vendor refuses for another reason is no missing sandbox", async () => {
  const stranger = provider({ client: { ...credentials, tokenSecret: "another" } });
  await assert.rejects(stranger.create(), /UNAUTHENTICATED/);
  await assert.rejects(stranger.destroy("sb-1"), /UNAUTHENTICATED/);
});

test("another package of that name is told from the vendor's", async () => {
  await assert.rejects(modal().create(), /npm install modal@0$/);
  const widget: ModalModule = JSON.parse("{}");
  await assert.rejects(modal({ sdk: widget }).create(), /npm install modal@0$/);
});

test("the provider and the emulator have the SDK's types", () => {
  const here = join(repository, "packages", "sandbox-client");
  const text = `
    import { ModalClient, type ModalClientParams, type SandboxCreateParams } from "modal";
    import type { ModalModule } from "${here}/src/providers/modal.ts";
    import type { credentials, ModalAnswers, ModalRequests } from "${here}/tests/vendors/modal-service.ts";
    type Part<T> = T extends Uint8Array | string | number | boolean | undefined ? T : { [K in keyof T]?: Part<T[K]> };
    type Client = NonNullable<ModalClientParams["cpClient"]>;
    type Answer<M extends keyof ModalAnswers> = Awaited<ReturnType<Client[M]>>;
    type Request<M extends keyof ModalAnswers> = Parameters<Client[M]>[0];
    type Unknown<Ours, Theirs> = Exclude<keyof Ours, keyof Theirs>;
    declare const answers: ModalAnswers;
    export const module: ModalModule = { ModalClient };
    export const client: ModalClientParams = {} as typeof credentials;
    export const wanted: SandboxCreateParams = { memoryMiB: 1, timeoutMs: 1, encryptedPorts: [1] };
    export const parts: { [M in keyof ModalAnswers]: Part<Answer<M>> } = answers;
    export const names: [{ [M in keyof ModalAnswers]: Unknown<ModalAnswers[M], Answer<M>> }[keyof ModalAnswers]] extends [never] ? true : false = true;
    export const asked: [{ [M in keyof ModalRequests]: Unknown<ModalRequests[M], Request<M>> }[keyof ModalRequests]] extends [never] ? true : false = true;
  `;
  assert.equal(checkAgainstTypes(vendor, text), "");
});
