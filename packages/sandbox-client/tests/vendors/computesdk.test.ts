/**
 * ComputeSDK has no service of its own: it calls the vendor it is configured for. Here that is Modal, by ComputeSDK's
 * own provider for it, which brings Modal's SDK.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { SandboxAgent, SandboxDestroyedError, type SandboxProvider } from "../../src/index.ts";
import {
  type ComputeModule,
  type ComputeSandbox,
  type ComputeSdkProviderOptions,
  computesdk,
} from "../../src/providers/computesdk.ts";
import { conforms, keepsApart } from "../providers/conformance.ts";
import { credentials, ModalService } from "./modal-service.ts";
import { checkAgainstTypes, installVendor, repository, vendorSdk } from "./vendor-sdk.ts";

interface Vendor {
  readonly name: string;
  readonly sandbox: ComputeModule["compute"]["sandbox"];
}

/** The module with what configures it. */
interface Sdk {
  readonly compute: ComputeModule["compute"] & ((config: { provider: Vendor }) => ComputeModule["compute"]);
}

const vendor = { name: "computesdk", version: "4.1.4" };
const overModal = { name: "@computesdk/modal", version: "1.9.4" };
Object.assign(process.env, { MODAL_CONFIG_PATH: "/nonexistent/modal.toml", MODAL_LOGLEVEL: "error" });
const { compute } = await vendorSdk<Sdk>(vendor);
const { modal } = await vendorSdk<{ modal(config: object): Vendor }>(overModal);
const service = await ModalService.listen(installVendor(overModal));
after(() => service.close());
process.env["MODAL_SERVER_URL"] = service.url;
const sdk: ComputeModule = { compute: compute({ provider: modal(credentials) }) };

function provider(options: ComputeSdkProviderOptions = {}): SandboxProvider {
  const made = computesdk({ sdk, ...options });
  // The vendor's tunnel leads to the machine; here it leads nowhere.
  return { ...made, getUrl: async (id) => service.urlOf(id) };
}

test("sandboxes of ComputeSDK, over Modal", async () => {
  await conforms(provider());
  await keepsApart(provider());
  await conforms(provider({ create: { scalableSandboxes: true } }));
  assert.deepEqual(service.running, []);
});

test("a sandbox has the server's port and a time of its own, and is gone after it", async () => {
  const made = provider();
  const id = await made.create();
  assert.equal(service.timeoutMsOf(id), 45 * 60_000);
  assert.match((await computesdk({ sdk }).getUrl?.(id)) ?? "", /^https:\/\/.*\.modal\.host$/);
  await service.expire(id);
  const again = SandboxAgent.start({ sandbox: made, sandboxId: `computesdk/${id}` });
  await assert.rejects(again, SandboxDestroyedError);
  await made.destroy(id);
  const brief = provider({ agentPort: 4_000, timeoutMs: 60_000, create: { timeout: 90_000 } });
  const other = await brief.create();
  assert.equal(service.timeoutMsOf(other), 90_000);
  await brief.destroy(other);
});

test("a command that fails is told with all its output, and the sandbox is not left", async () => {
  const broken = provider({ installCommand: "echo said; echo complained >&2; exit 3" });
  await assert.rejects(broken.create(), /failed with 3: said\ncomplained$/);
  assert.deepEqual(service.running, []);
});

test("the SDK that is not configured says so", async () => {
  await assert.rejects(computesdk({ sdk: { compute } }).create(), /No compute provider configured/);
});

test("destroying what is gone is fine whatever the vendor says, and another failure is told", async () => {
  const left = new Map<string, ComputeSandbox>();
  const own: Vendor = {
    name: "own",
    sandbox: {
      create: async () => await Promise.reject(new Error("no room")),
      getById: async (id) => left.get(id) ?? null,
      destroy: async (id) => await Promise.reject(new Error(`cannot end ${id}`)),
    },
  };
  const over = computesdk({ sdk: { compute: compute({ provider: own }) } });
  await over.destroy("one");
  await assert.rejects(over.create(), /no room/);
  left.set("one", {
    sandboxId: "one",
    getInfo: async () => ({ status: "running" }),
    getUrl: async () => "http://127.0.0.1:1",
    runCommand: async () => ({ exitCode: 0, stdout: "", stderr: "" }),
  });
  await assert.rejects(over.destroy("one"), /cannot end one/);
});

test("a sandbox that was stopped is there where a command starts it, and gone where not", async () => {
  const sandbox: ComputeSandbox = {
    sandboxId: "one",
    getInfo: async () => ({ status: "stopped" }),
    getUrl: async () => "http://127.0.0.1:1",
    runCommand: async () => ({ exitCode: starts ? 0 : 127, stdout: "", stderr: "" }),
  };
  let starts = true;
  const only = { create: async () => sandbox, getById: async () => sandbox, destroy: async () => {} };
  const over = computesdk({ sdk: { compute: compute({ provider: { name: "own", sandbox: only } }) } });
  await over.reconnect?.("one");
  starts = false;
  await assert.rejects(async () => await over.reconnect?.("one"), SandboxDestroyedError);
});

test("the provider has the SDK's types", () => {
  const here = join(repository, "packages", "sandbox-client");
  const text = `
    import { compute, type CreateSandboxOptions, type SandboxInterface } from "computesdk";
    import type { ComputeModule, ComputeSandbox } from "${here}/src/providers/computesdk.ts";
    declare const real: SandboxInterface;
    export const module: ComputeModule = { compute };
    export const sandbox: ComputeSandbox = real;
    export const wanted: CreateSandboxOptions = { ports: [3000], timeout: 1 };
    declare const provider: import("computesdk").ExplicitComputeConfig;
    export const configured: ComputeModule = { compute: compute(provider) };
  `;
  assert.equal(checkAgainstTypes(vendor, text), "");
});
